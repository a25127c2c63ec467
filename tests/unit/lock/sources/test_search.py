"""Where requirements were found is told, and what is named like them and is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock import find_requirements, search_hint
from pytest_flowrepro.lock.sources.search import similar_files
from pytest_flowrepro.lock.sources.unsupported import unread_declarations

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
def test_a_file_of_a_similar_name_is_reported_with_the_setting_that_reads_it(
    flow: Path, tmp_path: Path, folder: str, name: str
) -> None:
    file = tmp_path / folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("metaflow\n")
    said = hint(flow, tmp_path)
    assert f"{folder}{name} is not read unless configured" in said
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


def test_files_that_do_not_have_it_are_named_next_to_what_was_found(
    flow: Path, tmp_path: Path
) -> None:
    (tmp_path / "needs").write_text("metaflow\n")
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"requirements-{name}.txt").touch()
    assert hint(flow, tmp_path, setting="needs") == (
        ". They were found in needs (requirements-a.txt, requirements-b.txt, requirements-c.txt "
        "and 1 more are not read unless configured); add to it:\n\n    tabulate\n"
    )


def test_requirements_that_cannot_be_read_are_not_spoken_of(flow: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-e git+https://host/x\n")
    assert hint(flow, tmp_path) == ":\n\n    tabulate\n"


@pytest.mark.parametrize(
    "case",
    [
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\npython = '^3.11'\nattrs = '^24.2'\n",
            "Poetry",
            "poetry export --output requirements.txt",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.group.flows.dependencies]\nattrs = '^24.2'\n",
            "Poetry",
            "poetry export --output requirements.txt",
        ),
        (
            "Pipfile",
            "[packages]\nattrs = '*'\n",
            "Pipenv",
            "pipenv requirements > requirements.txt",
        ),
        (
            "pixi.toml",
            "[dependencies]\nattrs = '*'\n",
            "pixi",
            "pixi workspace export conda-environment environment.yml",
        ),
        (
            "pyproject.toml",
            "[tool.pixi.pypi-dependencies]\nattrs = '*'\n",
            "pixi",
            "pixi workspace export conda-environment environment.yml",
        ),
        (
            "pyproject.toml",
            "[tool.hatch.envs.default]\ndependencies = ['attrs']\n",
            "hatch's environments",
            "hatch dep show requirements > requirements.txt",
        ),
    ],
)
@pytest.mark.parametrize("folder", ["", "course/", "course/season-1/"])
def test_a_declaration_of_another_tool_is_named_with_what_to_do(
    flow: Path, tmp_path: Path, folder: str, case: tuple[str, str, str, str]
) -> None:
    name, text, tool, command = case
    (tmp_path / folder / name).write_text(text)

    found = find_requirements(flow, root=tmp_path, setting=None)
    sentence = f"{folder}{name} declares packages for {tool}, which is not read"
    assert found.lines == ("metaflow",)
    assert found.notes == (f"{sentence}: write them into a file that is, with `{command}`",)
    assert hint(flow, tmp_path).endswith(
        f"; {sentence}. Write them into a file that is, and then record:\n\n    {command}\n"
    )

    (flow.parent / "requirements.txt").write_text("attrs\n")
    assert find_requirements(flow, root=tmp_path, setting=None).notes == ()


@pytest.mark.parametrize(
    "text",
    [
        "[tool.poetry]\nname = 'p'\n",
        "[tool.poetry.dependencies]\npython = '^3.11'\n",
        "[tool.pixi.workspace]\nname = 'p'\n",
        "[tool.hatch.envs.default]\npython = '3.11'\n",
        "[tool.flowrepro]\n",
        "tool = 3\n",
        "[tool",
    ],
)
def test_a_file_without_packages_declares_none(flow: Path, tmp_path: Path, text: str) -> None:
    (flow.parent / "pyproject.toml").write_text(text)

    assert [*unread_declarations([flow.parent], root=tmp_path)] == []
