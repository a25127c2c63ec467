from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from requirement_lines import requirement_lines

from pytest_flowrepro.lock.sources.reading import Selection
from pytest_flowrepro.lock.sources.uv_sources import lock_of, read_sources
from pytest_flowrepro.model import LocalFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with the members pear and plum."""
    (tmp_path / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = ['libs/*']")
    for name in ("pear", "plum"):
        (tmp_path / "libs" / name).mkdir(parents=True)
        text = f"[project]\nname = 'Orchard.{name}'\n"
        (tmp_path / "libs" / name / "pyproject.toml").write_text(text)
    return tmp_path


def read(
    root: Path, sources: str, place: str = ""
) -> tuple[tuple[str, ...], tuple[LocalFolder, ...], list[str]]:
    problems: list[str] = []
    document = tomllib.loads(f"[tool.uv.sources]\n{sources}")
    file = root / place / "pyproject.toml"
    lines = requirement_lines("six", "orchard_plum[jam]>=1")
    found = read_sources(
        lines, document, file=file, selection=Selection(), root=root, problems=problems
    )
    return tuple(map(str, found.requirements)), found.folders, problems


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("{ path = 'libs/plum' }", ""),
        ("{ path = '../plum', editable = true }", "libs/pear"),
        ("{ workspace = true }", ""),
        ("{ workspace = true }", "libs/pear"),
        ("[{ workspace = true, marker = 'python_version > \"3\"' }]", ""),
    ],
)
def test_a_source_in_the_repository_is_a_folder(root: Path, source: str, place: str) -> None:
    plum = LocalFolder(folder=root / "libs/plum", extras=("jam",))

    assert read(root, f"Orchard-Plum = {source}", place) == (("six",), (plum,), [])


def test_what_an_index_has_stays_a_requirement(root: Path) -> None:
    lines = ("six", "orchard_plum[jam]>=1")

    index = "[[tool.uv.index]]\nname = 'ours'\nurl = 'https://ours/'"
    assert read(root, f"six = {{ index = 'ours' }}\ntoml = {{ path = 'gone' }}\n{index}") == (
        lines,
        (),
        [],
    )


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{ path = '../plum' }", "the path is outside of the repository"),
        ("{ path = 'plum.whl' }", "a built file of a path cannot be locked"),
        ("{ git = 'https://bob:pw@host/six' }", "a version control URL has no hash"),
        ("{ url = 'https://bob:pw@host/six.whl' }", "a URL is not a package of an index"),
        ("{ workspace = true }", "no workspace of the repository has a member of this name"),
    ],
)
def test_what_comes_from_elsewhere_is_reported(root: Path, source: str, problem: str) -> None:
    _, folders, problems = read(root, f"six = {source}")

    assert folders == ()
    assert problems[0].startswith(f"tool.uv.sources.six: {problem}")
    assert "pw" not in problems[0]


def test_the_lock_of_a_member_is_at_the_top_of_its_workspace(root: Path) -> None:
    assert lock_of(root / "libs/pear", root=root) is None
    (root / "uv.lock").touch()
    (root / "libs/no_member").mkdir()
    (root / "elsewhere").mkdir()
    text = "[tool.uv.workspace]\nmembers = ['libs/*']\nexclude = ['libs/no_*']"
    (root / "pyproject.toml").write_text(text)

    assert lock_of(root, root=root) == root / "uv.lock"
    assert lock_of(root / "libs/pear", root=root) == root / "uv.lock"
    assert lock_of(root / "libs/no_member", root=root) is None
    assert lock_of(root / "elsewhere", root=root) is None
    assert lock_of(root / "libs/pear", root=root / "libs/pear") is None
