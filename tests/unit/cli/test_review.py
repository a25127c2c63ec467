from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from checks import last_check
from recorded_repository import record
from recordings import artifact, recording, step, task

from pytest_flowrepro.baseline import HISTORY, baseline_folder, read_baseline, write_baseline
from pytest_flowrepro.cli.main import main
from pytest_flowrepro.model import CodeFile
from pytest_flowrepro.review.last_check import keep_check, kept_checks

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording

BASE = recording()
OBSERVED = replace(
    recording(
        task("start", artifact("rows", 101, type="int")),
        task("train", artifact("score", 0.95), index=(0,)),
        task("train", artifact("score", 0.96), index=(1,)),
        BASE.tasks[3],
    ),
    code=(BASE.code[0], CodeFile(path="train.py", sha256="33")),
)


def keep(top: Path, observed: Recording, baseline: Recording = BASE) -> Path:
    folder = baseline_folder(top / "flows/train.py", observed.flow, observed.case)
    keep_check(last_check(observed, baseline=baseline, folder=folder), root=top)
    return folder


@pytest.fixture
def folder(repository: Path) -> Path:
    """The folder of a baseline with a kept check."""
    return keep(repository, OBSERVED)


def rows_and_scores(folder: Path) -> list[object]:
    baseline = read_baseline(folder, root=folder.parents[3])
    assert baseline is not None
    return [a.value for one in baseline.tasks for a in one.artifacts]


def test_everything_is_accepted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accept", "--last", "--reason", "more rows"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "flows/train.py::TrainFlow",
        "    accepted  train.py  changed: 22 -> 33   code file   shown only",
        "    accepted  start.rows  changed: 100 -> 101",
        "    accepted  train.score  2 changes: train[0].score changed: 0.91 -> 0.95, ...",
        "    commit flows/__flowrepro__",
    ]
    assert rows_and_scores(folder) == [101, 0.95, 0.96]
    lines = [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]
    assert [(line["what"], line["reason"]) for line in lines] == [
        ("train.py", "more rows"),
        ("start.rows", "more rows"),
        ("train.score", "more rows"),
    ]
    assert main(["accept", "--last", "--reason", "more rows"]) == 0
    assert capsys.readouterr().err == (
        "nothing to review: no failed check is kept here\n"
        "`pytest --flow-repro` keeps the check of a flow that it reruns and that drifts; "
        "`-k environment` reruns nothing\n"
    )


def test_patterns_accept_and_reject(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["review", "--accept", "train.*", "--reject", "start.rows", "--reason", "as planned"]
    assert main(args) == 1
    out = capsys.readouterr().out
    assert "    left      train.py" in out
    assert "    rejected  start.rows  changed: 100 -> 101\n" in out
    assert rows_and_scores(folder) == [100, 0.95, 0.96]
    # It was rejected, so it is accepted only by its name.
    assert main(["accept", "--last", "--reason", "now"]) == 1
    left = capsys.readouterr().out.splitlines()[2:4]
    assert left[0] == "    left      start.rows  changed: 100 -> 101"
    assert left[1].startswith("        rejected on ")
    assert left[1].endswith(": as planned")
    assert main(["review", "--accept", "start.rows", "--reason", "now"]) == 0
    assert rows_and_scores(folder) == [101, 0.95, 0.96]


def test_what_is_both_accepted_and_rejected_is_rejected(folder: Path) -> None:
    assert main(["review", "--accept", "*", "--reject", "start.*", "--reason", "why"]) == 1
    assert rows_and_scores(folder) == [100, 0.95, 0.96]


def test_what_needs_a_recording_is_left_and_said(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = (*BASE.steps[:3], step("check", "end"), BASE.steps[3])
    folder = keep(repository, replace(OBSERVED, steps=steps))
    assert main(["review", "--accept", "code", "--accept", "start", "--reason", "new"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("    left      code  2 changes: train.py changed")
    assert out[2] == (
        "        needs a recording, `pytest --flow-repro --flow-repro-update flows/train.py`: "
        "step check: it is new, and whether it repeats is known only after several runs"
    )
    assert rows_and_scores(folder) == [101, 0.91, 0.93]


def test_what_a_fresh_check_found_is_recorded_by_a_fresh_recording(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = baseline_folder(repository / "flows/train.py", "TrainFlow", None)
    moved = replace(BASE.environments[0], packages=())
    check = last_check(replace(BASE, environments=(moved,)), baseline=BASE, folder=folder)
    keep_check(replace(check, fresh=True, wheelhouse=True), root=repository)
    assert main(["accept", "--last"]) == 0, "packages that were resolved again fail no check"
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("    left      environment of base  2 changes: metaflow removed")
    command = "pytest --flow-repro --flow-repro-update --flow-repro-env=fresh flows/train.py"
    assert out[2].startswith(f"        needs a recording, `{command}`: the wheels of")


def test_the_flows_are_chosen(repository: Path, folder: Path) -> None:
    small = replace(BASE, case="small")
    record(repository, small)
    other = keep(repository, replace(OBSERVED, case="small"), small)
    assert main(["accept", "--last", "--reason", "why", "TrainFlow@small"]) == 0
    assert [*kept_checks(repository)] == [folder]
    assert rows_and_scores(other) == [101, 0.95, 0.96]
    assert main(["accept", "--last", "--reason", "why", "flows/train.py"]) == 0
    assert [*kept_checks(repository)] == []


def test_a_folder_of_the_project_has_its_checks(
    repository: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "flows")
    assert main(["accept", "--last", "--reason", "why"]) == 0
    assert rows_and_scores(folder) == [101, 0.95, 0.96]


def test_everything_is_accepted_without_a_reason(folder: Path) -> None:
    assert main(["accept", "--last"]) == 0
    assert rows_and_scores(folder) == [101, 0.95, 0.96]
    assert json.loads((folder / HISTORY).read_text().splitlines()[0])["reason"] == ""


@pytest.mark.parametrize("args", [["accept"], ["accept", "--last", "--accept", "x"]])
def test_only_the_last_check_can_be_accepted(folder: Path, args: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(args)
    assert rows_and_scores(folder) == [100, 0.91, 0.93]


def test_a_check_of_another_checkout_is_accepted_in_this_one(
    repository: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    shutil.copytree(repository, here, ignore=shutil.ignore_patterns(".flowrepro"))
    shutil.move(repository / ".flowrepro", here / ".flowrepro")
    monkeypatch.chdir(here)
    assert main(["accept", "--last"]) == 0
    assert rows_and_scores(here / folder.relative_to(repository)) == [101, 0.95, 0.96]


@pytest.mark.usefixtures("folder")
def test_a_wrong_command_line_changes_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error_of(*args: str) -> str:
        assert main([*args]) == 2
        return capsys.readouterr().err

    assert "No change matches `train.scroe`; did you mean `train.score`?" in error_of(
        "review", "--accept", "train.scroe", "--accept", "start", "--reason", "why"
    )
    assert "The reason is missing" in error_of("review", "--accept", "start")
    assert "No baseline of OtherFlow" in error_of("accept", "--last", "--reason", "x", "OtherFlow")
    assert "stdin or stdout is not a terminal" in error_of("review")
    assert rows_and_scores(baseline_folder(repository / "flows/train.py", "TrainFlow", None)) == [
        100,
        0.91,
        0.93,
    ]


def test_a_baseline_that_has_changed_is_an_error_and_the_others_are_accepted(
    repository: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(BASE, case="small")
    other = record(repository, small)
    keep(repository, replace(OBSERVED, case="small"), small)
    write_baseline(folder, replace(BASE, runs=1), root=repository)
    assert main(["accept", "--last", "--reason", "why"]) == 2
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "flowrepro: flows/train.py: the baseline of TrainFlow has changed since its last check",
        "What to do: check the flow again: `pytest --flow-repro flows/train.py`",
    ]
    assert out.startswith("flows/train.py::TrainFlow@small\n")
    assert rows_and_scores(folder) == [100, 0.91, 0.93]
    assert rows_and_scores(other) == [101, 0.95, 0.96]


def test_values_are_shown_without_effect_on_the_terminal(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = (CodeFile(path="\x1b[2J.py", sha256="33"), CodeFile(path="\x1b[2K.py", sha256="33"))
    for code in ((*BASE.code, *evil), (*BASE.code, evil[0])):
        keep(repository, replace(OBSERVED, code=code))
        assert main(["review", "--accept", "start", "--reject", "start", "--reason", "\x1b"]) == 1
        assert main(["accept", "--last", "--reason", "why"]) == 1
        record(repository, BASE)
        out = capsys.readouterr().out
        assert "\\u001b[2J.py" in out
        assert "\x1b" not in out
