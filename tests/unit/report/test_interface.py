from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from flow_reports import report_of

from pytest_flowrepro.report import FORMATS, append_report, write_report
from pytest_flowrepro.support.errors import FlowReproError


def test_a_report_is_written_where_folders_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "out/today/report.md"
    write_report(path, "größer\n")

    assert path.read_bytes() == "größer\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["report.md"]


def test_an_older_report_is_replaced_and_a_symlink_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "report.json").symlink_to("real.json")
    write_report(tmp_path / "report.json", "new")

    assert (tmp_path / "report.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    write_report(path, "text")
    reader.join()

    assert read == ["text"]
    assert path.is_fifo()


def test_a_relative_path_is_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_report(Path("report.html"), "<p>")

    assert (tmp_path / "report.html").read_text() == "<p>"


def test_a_report_that_cannot_be_written_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    for path, reason in (
        (tmp_path / "file/report.md", "File exists"),
        (tmp_path / "folder", "Is a directory"),
    ):
        with pytest.raises(FlowReproError) as caught:
            write_report(path, "text")
        assert caught.value.what == f"The report {path} cannot be written: {reason}"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_report_is_appended_after_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("<details>other")
    append_report(path, "### größer\n")
    append_report(path, "### again\n")

    assert path.read_text(encoding="utf-8") == ("<details>other\n\n### größer\n\n\n### again\n")


def test_a_report_that_cannot_be_appended_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FlowReproError) as caught:
        append_report(tmp_path, "text")
    assert caught.value.what == f"The report {tmp_path} cannot be written: Is a directory"


def test_each_option_has_its_format() -> None:
    assert {form: render(report_of())[:1] for form, render in FORMATS.items()} == {
        "json": "{",
        "md": "#",
        "html": "<",
        "sarif": "{",
        "gitlab": "[",
    }
