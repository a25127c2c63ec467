from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.settings.project import configuration_above, contending, find_project
from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "[tool.flowrepro]\n"

# Files, rootdir, where it starts -> the project. All below one folder.
PLACES = [
    ({"proj/pyproject.toml": TABLE}, ".", "proj", "proj"),
    ({"proj/pyproject.toml": TABLE}, "proj", "proj/flows", "proj"),
    (
        {"proj/pyproject.toml": TABLE, "proj/flows/pytest.ini": ""},
        "proj/flows",
        "proj/flows",
        "proj",
    ),
    ({"proj/pyproject.toml": TABLE, "proj/flows/pyproject.toml": ""}, "proj", "proj/flows", "proj"),
    ({"proj/pyproject.toml": TABLE, "ci/pytest.ini": ""}, "ci", "proj/flows", "proj"),
    ({"proj/pyproject.toml": TABLE, "other/pyproject.toml": TABLE}, "other", "proj", "proj"),
    ({"pyproject.toml": TABLE, "proj/.git/config": ""}, "proj", "proj", "proj"),
    ({"proj/pyproject.toml": "[tool.flowrepro"}, "proj", "proj", "proj"),
    ({"proj/pyproject.toml": "[tool.x]\n"}, ".", "proj", "."),
]


@pytest.mark.parametrize(("files", "rootdir", "start", "root"), PLACES)
def test_the_configuration_is_found_wherever_pytest_has_its_rootdir(
    tmp_path: Path, files: dict[str, str], rootdir: str, start: str, root: str
) -> None:
    write(tmp_path, files)
    (tmp_path / start).mkdir(parents=True, exist_ok=True)
    found = find_project(
        [tmp_path / start], rootdir=tmp_path / rootdir, is_given=False, is_moved=False
    )
    assert found.root == tmp_path / root
    assert found.file == tmp_path / root / "pyproject.toml"


# Without any table: files, where it starts -> what pytest's rootdir would be by that alone.
ROOTS = [
    ({"proj/pyproject.toml": ""}, "proj/flows", "proj"),
    ({"proj/pytest.ini": "", "proj/a/pyproject.toml": ""}, "proj/a", "proj"),
    ({"proj/tox.ini": "[pytest]\n", "proj/a/setup.py": ""}, "proj/a", "proj"),
    ({"proj/tox.ini": "[tox]\n", "proj/a/setup.py": ""}, "proj/a", "proj/a"),
    ({"proj/setup.cfg": "[tool:pytest]\n"}, "proj/a", "proj"),
    (
        {"proj/pyproject.toml": "[tool.pytest.ini_options]\n", "proj/a/setup.py": ""},
        "proj/a",
        "proj",
    ),
    ({}, "proj/a", "proj/a"),
]


@pytest.mark.parametrize(("files", "start", "root"), ROOTS)
def test_a_rootdir_that_an_option_moved_is_not_the_project(
    tmp_path: Path, files: dict[str, str], start: str, root: str
) -> None:
    write(tmp_path, files)
    (tmp_path / start).mkdir(parents=True, exist_ok=True)
    found = find_project([tmp_path / start], rootdir=tmp_path, is_given=False, is_moved=True)
    assert found.root == tmp_path / root


def test_a_rootdir_that_was_asked_for_is_the_project(tmp_path: Path) -> None:
    write(tmp_path, {"proj/pyproject.toml": ""})
    found = find_project([tmp_path / "proj"], rootdir=tmp_path, is_given=True, is_moved=True)
    assert found.root == tmp_path


@pytest.mark.parametrize(
    ("rootdir", "starts", "is_given"),
    [(".", ["a"], False), (".", ["a", "b"], False), ("b", ["a"], True), ("b", ["a", "b"], False)],
)
def test_two_files_that_contend_are_both_named(
    tmp_path: Path, rootdir: str, starts: list[str], *, is_given: bool
) -> None:
    write(tmp_path, {f"{name}/pyproject.toml": TABLE for name in (".", "a", "b")})
    with pytest.raises(
        SettingsError, match=r"[ab]/pyproject\.toml and .*pyproject\.toml both have"
    ):
        find_project(
            [tmp_path / start for start in starts],
            rootdir=tmp_path / rootdir,
            is_given=is_given,
            is_moved=False,
        )


def test_a_table_that_a_run_would_not_use_is_named_with_the_runs_own_file(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.x]\n", "a/pyproject.toml": TABLE})
    own, other = tmp_path / "pyproject.toml", tmp_path / "a" / "pyproject.toml"
    found = contending(own, other)
    assert found.what.startswith(f"{other} has a table")
    assert found.what.endswith(f"this run is configured by {own}")


def test_the_nearest_table_counts(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": TABLE, "a/pyproject.toml": TABLE, "a/b/pyproject.toml": ""})
    assert configuration_above(tmp_path / "a" / "b") == tmp_path / "a" / "pyproject.toml"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
