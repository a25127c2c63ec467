from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock.sources.local_folder import local_folder, referenced_folder
from pytest_flowrepro.model import LocalFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a package in libs/orchard, and another beside the repository."""
    for folder in ("repo/flows", "repo/libs/orchard", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "repo/libs/orchard/setup.py").touch()
    (tmp_path / "elsewhere/setup.py").touch()
    return tmp_path / "repo"


@pytest.mark.parametrize(
    ("line", "extras"),
    [
        ("../libs/orchard", ()),
        ("../libs/orchard/", ()),
        ("./libs/orchard", ()),  # from the project folder
        ("libs/orchard", ()),
        ("../libs/orchard[plots, maps]", ("plots", "maps")),
        ("file:../libs/orchard", ()),
        ("file:../libs/orch%61rd#egg=orchard", ()),
        ("orchard @ file:../libs/orchard", ()),
        ("Orchard[plots]@file:libs/orchard", ("plots",)),
        ("file://{root}/libs/orchard", ()),
        ("orchard @ file://localhost{root}/libs/orchard", ()),
        ("{root}/libs/orchard", ()),
    ],
)
def test_a_folder_is_named_as_pip_takes_it(root: Path, line: str, extras: tuple[str, ...]) -> None:
    text = line.format(root=root)

    found = referenced_folder(text, bases=(root / "flows", root), root=root)

    assert found == LocalFolder(folder=root / "libs/orchard", extras=extras)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("../elsewhere", "the path is outside of the repository"),
        ("link", "the path is outside of the repository"),
        ("flows", "flows does not have any of pyproject.toml, setup.cfg, setup.py"),
        ("gone", "gone is not a folder with pyproject.toml, setup.cfg, setup.py"),
        ("orchard-1.0-py3-none-any.whl", "a built file of a path cannot be locked"),
        ("orchard-1.0.tar.gz", "a built file of a path cannot be locked"),
    ],
)
def test_a_folder_that_cannot_be_used_is_reported(root: Path, path: str, problem: str) -> None:
    (root / "link").symlink_to(root.parent / "elsewhere")

    found = local_folder(path, base=root, root=root)

    assert isinstance(found, str)
    assert found.startswith(problem)


def test_another_name_of_the_repository_is_the_repository(root: Path) -> None:
    (root.parent / "also").symlink_to(root)

    found = local_folder(str(root.parent / "also/libs/orchard"), base=root, root=root)

    assert found == LocalFolder(folder=root / "libs/orchard")
