from __future__ import annotations

from typing import TYPE_CHECKING

from recordings import log

from pytest_flowrepro.rerun.leftovers import file_states, left_behind

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import TaskLog


def wrote(step: str, *files: Path) -> TaskLog:
    return log(step, written=tuple(map(str, files)))


def test_new_changed_and_deleted_files_are_reported_with_their_writer(tmp_path: Path) -> None:
    for name in ("same.txt", "words.txt", "draft.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    before = file_states(tmp_path)
    (tmp_path / "draft.txt").unlink()
    (tmp_path / "words.txt").write_text("xy", encoding="utf-8")
    (tmp_path / "out").mkdir()
    new = tmp_path / "out" / "model.bin"
    new.write_bytes(b"m")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").touch()
    assert left_behind(
        tmp_path, before, [wrote("start", new), wrote("end", new, tmp_path / "gone")]
    ) == (
        "the flow removed draft.txt",
        "step start, end wrote out/model.bin",
        "the flow changed words.txt",
    )


def test_a_tidy_flow_has_no_report_and_an_untidy_one_a_short_one(
    tmp_path: Path,
) -> None:
    before = file_states(tmp_path)
    assert left_behind(tmp_path, before, [wrote("start", tmp_path / "gone")]) == ()
    for number in range(60):
        (tmp_path / f"{number:02}").touch()
    told = left_behind(tmp_path, before, [])
    assert told[0] == "the flow wrote 00"
    assert told[-1] == "and 10 more files"
    assert len(told) == 51
