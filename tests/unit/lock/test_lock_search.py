"""Where requirements were found is told, and what is named like them and is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock import search_hint
from pytest_flowrepro.lock.search import similar_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    file = tmp_path / "course/season-1/table.py"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def hint(flow: Path, root: Path, wanted: str = "tabulate", setting: str | None = None) -> str:
    return search_hint(flow, "TableFlow", root=root, setting=setting, wanted=wanted)


def test_nothing_was_found(flow: Path, tmp_path: Path) -> None:
    assert hint(flow, tmp_path) == (
        ". No requirements were found in course/season-1, course, the project folder. "
        "Write them into course/season-1/requirements.txt:\n\n    metaflow\n    tabulate\n"
    )


def test_the_file_that_was_found_takes_the_line(flow: Path, tmp_path: Path) -> None:
    (tmp_path / "course/requirements.txt").write_text("metaflow\n")
    said = ". They were found in course/requirements.txt; add to it:\n\n    tabulate\n"
    assert hint(flow, tmp_path) == said
    assert hint(flow, tmp_path, "") == ". They were found in course/requirements.txt"


@pytest.mark.parametrize(
    "name",
    [
        "env.yml",
        "conda.yaml",
        "my-environment.yml",
        "environment-dev.yml",
        "requirements-dev.txt",
        "requirements_ml.txt",
        "dev-requirements.txt",
        "requirements.dev.in",
        "Requirements.txt",
        "reqs.txt",
        "deps.txt",
        "dependencies.txt",
        "pylock.train.toml",
        "requirements/base.txt",
        "requirements/train.in",
    ],
)
@pytest.mark.parametrize("folder", ["", "course/", "course/season-1/"])
def test_a_file_of_a_similar_name_is_told_with_the_setting_that_reads_it(
    flow: Path, tmp_path: Path, folder: str, name: str
) -> None:
    file = tmp_path / folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("metaflow\n")
    said = hint(flow, tmp_path)
    assert f"{folder}{name} is not read unless the configuration says so" in said
    setting = f'    [tool.flowrepro.flow.TableFlow]\n    requirements = "{folder}{name}"\n'
    assert said.endswith(f"Name the file that has them:\n\n{setting}")


@pytest.mark.parametrize(
    "name", ["notes.txt", "environment.py", "data/env.yml", "requirements.md", "requirements/a.md"]
)
def test_other_files_are_not_similar(flow: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert [*similar_files(flow, root=tmp_path)] == []


def test_the_file_that_mentions_what_is_missing_comes_first(flow: Path, tmp_path: Path) -> None:
    (tmp_path / "env.yml").write_text("dependencies: [tabulate2]\n")
    (tmp_path / "requirements-ml.txt").write_text("tabulate>=0.9\n")
    assert 'requirements = "requirements-ml.txt"' in hint(flow, tmp_path)
    (tmp_path / "requirements.txt").write_text("metaflow\n")
    said = hint(flow, tmp_path)
    assert said.startswith(". They were found in requirements.txt; requirements-ml.txt is not read")
    assert 'requirements = "requirements-ml.txt"' in said


def test_files_that_do_not_have_it_are_named_beside_what_was_found(
    flow: Path, tmp_path: Path
) -> None:
    (tmp_path / "needs").write_text("metaflow\n")
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"requirements-{name}.txt").touch()
    assert hint(flow, tmp_path, setting="needs") == (
        ". They were found in needs (requirements-a.txt, requirements-b.txt, requirements-c.txt "
        "and 1 more are not read unless the configuration says so); add to it:\n\n    tabulate\n"
    )


def test_requirements_that_cannot_be_read_are_not_spoken_of(flow: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-e git+https://host/x\n")
    assert hint(flow, tmp_path) == ":\n\n    tabulate\n"
