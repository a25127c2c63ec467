from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.installers.uv_settings import index_settings, to_literal, to_toml, uv_files

if TYPE_CHECKING:
    from pathlib import Path


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_settings_of_several_files_are_merged_as_uv_does(tmp_path: Path) -> None:
    project = write(
        tmp_path / "project" / "pyproject.toml",
        """
        [tool.uv]
        index-strategy = "first-index"
        find-links = ["wheels"]
        override-dependencies = ["six==1"]
        [[tool.uv.index]]
        name = "ours"
        url = "../simple"
        publish-url = "https://upload/"
        [tool.uv.pip]
        target = "vendor"
        index-url = "https://pip/"
        """,
    )
    user = write(
        tmp_path / "uv.toml",
        """
        index-strategy = "unsafe-best-match"
        exclude-newer = "2020-01-01"
        find-links = ["https://host/wheels", "more"]
        index = [{ url = "https://user/", explicit = true }]
        [pip]
        index-url = "https://other/"
        """,
    )

    assert index_settings([project, user]) == {
        "index-strategy": "first-index",
        "find-links": [f"{project.parent}/wheels", "https://host/wheels", f"{tmp_path}/more"],
        "index": [
            {"name": "ours", "url": f"{tmp_path}/simple"},
            {"url": "https://user/", "explicit": True},
        ],
        "pip": {"index-url": "https://pip/"},
    }


@pytest.mark.parametrize("text", ["", "[tool", "tool = 1", "[tool]\nuv = 1", "\ufeff", "a = 1"])
def test_a_file_whose_settings_cannot_be_read_has_no_settings(tmp_path: Path, text: str) -> None:
    assert index_settings([write(tmp_path / "pyproject.toml", text), tmp_path / "gone"]) == {}


def test_an_empty_file_of_uv_is_the_nearest_one(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}
    write(tmp_path / "uv.toml", "offline = true")
    near = write(tmp_path / "project" / "uv.toml", "")
    write(tmp_path / "project" / "pyproject.toml", "[tool.uv]\noffline = true")

    files = [*uv_files(tmp_path / "project", environ)]

    assert files[0] == near
    assert tmp_path / "uv.toml" not in files
    assert [*uv_files(tmp_path, {**environ, "UV_NO_CONFIG": "1"})] == []
    assert [*uv_files(tmp_path, {**environ, "UV_CONFIG_FILE": "/x"})] == [tmp_path.parent / "/x"]
    own = [tmp_path / "uv.toml", tmp_path / ".config" / "uv" / "uv.toml"]
    assert [*uv_files(tmp_path, {**environ, "UV_NO_SYSTEM_CONFIG": "1"})] == own


@pytest.mark.parametrize(
    "settings",
    [
        {"a": True, "b": 3, "c": "x", "d": ["y", "z"], "e": {"f": False, "g h": ["i"]}},
        {"a": 'quote " backslash \\ newline \n tab \t del \x7f é 😀'},
        {"index": [{"name": "a", "ignore-error-codes": [401, 403]}], "z": "last"},
        {},
    ],
)
def test_settings_are_written_as_toml(settings: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(settings)) == settings


def test_a_time_is_written_as_text() -> None:
    assert to_literal(datetime(2025, 6, 1, tzinfo=UTC)) == '"2025-06-01T00:00:00+00:00"'
