from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from recordings import task

from pytest_flowrepro.model import Capture, Run
from pytest_flowrepro.rerun.run_records import check_read, check_records
from pytest_flowrepro.support.ending import Ending
from pytest_flowrepro.support.errors import CaptureError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Task


def run_that_started(folder: Path, *steps: str) -> Run:
    observed = folder / "observed"
    observed.mkdir()
    lines = (json.dumps({"step": step, "task_id": str(i)}) for i, step in enumerate(steps))
    # The scheduler and the task itself both write one.
    text = "".join(f"{line}\n{line}\n" for line in lines)
    (observed / "started.jsonl").write_text(text, encoding="utf-8")
    return Run(
        flow="TrainFlow",
        run_id="17",
        datastore=folder / "datastore",
        observed=observed,
        ending=Ending(),
        output="line\n" * 30,
        seconds=1.0,
    )


def captured(*tasks: Task) -> Capture:
    return Capture(parameters=(), tasks=tasks, logs=())


def test_every_task_that_was_started_is_read(tmp_path: Path) -> None:
    run = run_that_started(tmp_path, "start", "train", "train", "end")
    tasks = [task("start"), task("train", index=(0,)), task("train", index=(1,)), task("end")]
    check_read(run, captured(*tasks))
    for missing in range(4):
        with pytest.raises(CaptureError, match="of them read"):
            check_read(run, captured(*tasks[:missing], *tasks[missing + 1 :]))


def test_many_problems_are_named_in_few_lines(tmp_path: Path) -> None:
    run = run_that_started(tmp_path, *["train"] * 500)
    with pytest.raises(CaptureError) as caught:
        check_records(run, ends=("end",))
    assert "no task of the step end was started" in caught.value.what
    assert "and 482 more" in caught.value.detail
    assert len(caught.value.detail.splitlines()) < 40
