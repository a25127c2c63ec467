from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import checked_flows
import pytest
from recordings import log, recording, task

from pytest_flowrepro.pipeline import Job, Observation
from pytest_flowrepro.plugin.failures import log_of, step_failure

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import TaskLog


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return checked_flows.job(tmp_path)


def ended(
    *logs: TaskLog,
    failure: str | None = "exit code 1",
    timed_out: bool = False,
    output: str = "",
) -> Observation:
    return Observation(
        recording=recording(),
        logs=logs,
        failure=failure,
        timed_out=timed_out,
        output=output,
        seconds=(),
        notes=(),
    )


def test_a_flow_that_ended_well_has_no_failure(job: Job) -> None:
    assert step_failure(ended(log("start"), failure=None), "train", job) is None


def test_the_step_that_failed_shows_the_end_of_its_own_stderr(job: Job) -> None:
    said = "noise\n" * 100 + "ValueError: no rows\n"
    observation = ended(log("start"), log("train", 2, ok=False, stderr=said))
    failure = step_failure(observation, "train", job)
    assert failure is not None
    assert failure.reached
    assert failure.text.startswith("step train[2] of TrainFlow failed (exit code 1)")
    assert failure.text.endswith("ValueError: no rows")
    assert len(failure.text.splitlines()) < 70
    assert step_failure(observation, "start", job) is None


def test_a_step_that_the_source_does_not_show_fails_the_first_test(job: Job) -> None:
    observation = ended(log("start"), log("inherited", ok=False, stderr="ValueError: no rows\n"))
    failure = step_failure(observation, "start", job)
    assert failure is not None
    assert failure.reached
    assert failure.text.startswith("step inherited of TrainFlow failed (exit code 1)")
    failure = step_failure(observation, "train", job)
    assert failure is not None
    assert failure.text == "not reached: step inherited failed"


def test_a_later_step_was_not_reached(job: Job) -> None:
    failure = step_failure(ended(log("start", ok=False)), "train", job)
    assert failure is not None
    assert not failure.reached
    assert failure.text == "not reached: step start failed"


def test_a_task_that_was_stopped_for_another_one_is_not_at_fault(job: Job) -> None:
    words = "[KILLED BY ORCHESTRATOR]\nTask was ended by SIGKILL.\n"
    stopped = log("train", ok=False, stderr=words)
    other, failed = replace(stopped, step="test"), replace(stopped, index=(1,), stderr="ValueError")
    observation = ended(log("start"), stopped, failed, other)
    failure = step_failure(observation, "train", job)
    assert failure is not None
    assert failure.text.startswith("step train[1] of TrainFlow failed")
    failure = step_failure(observation, "test", job)
    assert failure is not None
    assert not failure.reached
    assert failure.text == "stopped: step train failed"
    assert step_failure(observation, "start", job) is None


def test_a_step_of_which_the_baseline_has_more_tasks_was_stopped_and_has_not_drifted(
    job: Job,
) -> None:
    baseline = recording(task("train", index=(0,)), task("train", index=(1,)), task("load"))
    observation = ended(log("load", ok=False), log("train", 0))
    failure = step_failure(observation, "train", job, baseline)
    assert failure is not None
    assert not failure.reached
    assert failure.text == "stopped: step load failed"
    whole = replace(observation, logs=(*observation.logs, log("train", 1)))
    assert step_failure(whole, "train", job, baseline) is None


def test_a_run_that_was_stopped_as_a_whole_shows_what_was_running(job: Job) -> None:
    stopped = log("train", ok=False, stderr="at row 7\n[KILLED BY ORCHESTRATOR]\n")
    failure = step_failure(
        ended(stopped, failure="stopped after 9 s", timed_out=True), "train", job
    )
    assert failure is not None
    assert failure.reached
    assert "at row 7" in failure.text


@pytest.mark.parametrize("name", ["*rows*", "rows"])
def test_a_foreach_over_nothing_comes_with_a_way_around_it(job: Job, name: str) -> None:
    said = f"    Foreach iterator over {name} in step *start* produced zero splits. Check it.\n"
    failure = step_failure(ended(log("start", ok=False, stderr=said)), "start", job)
    assert failure is not None
    assert "see why `rows` is empty" in failure.text


def test_a_run_that_ended_badly_without_a_failed_step_is_never_a_pass(job: Job) -> None:
    observation = ended(log("start"), log("train"), output="Metaflow fell over")
    for step in ("start", "train", "end"):
        failure = step_failure(observation, step, job)
        assert failure is not None
        assert not failure.reached
        assert "Metaflow fell over" in failure.text


def test_a_killed_task_left_no_log_so_the_runtimes_lines_speak(job: Job) -> None:
    output = "12:00 [1/start/1 (pid 3)] other\n12:01 [1/train/2 (pid 4)] at row 7\n"
    observation = ended(
        log("start"),
        log("train", ok=False),
        failure="stopped after 9 s",
        timed_out=True,
        output=output,
    )
    failure = step_failure(observation, "train", job)
    assert failure is not None
    assert "at row 7" in failure.text
    assert "other" not in failure.text
    assert "--flow-repro-timeout SECONDS" in failure.text


@pytest.mark.parametrize(
    ("named", "include"),
    [
        ("data/rates.csv", "data/rates.csv"),
        ("../shared/rates.csv", "../shared/rates.csv"),
        ("{folder}/check/code/flows/data/rates.csv", "data/rates.csv"),
        ("{folder}/check/code/shared/rates.csv", "../shared/rates.csv"),
    ],
)
def test_a_file_that_only_the_users_tree_has_comes_with_its_include_line(
    job: Job, named: str, include: str
) -> None:
    file = job.flow.file.parent / include
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    (job.root / "flows").mkdir(exist_ok=True)
    path = named.format(folder=job.folder)
    said = f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'\n"
    failure = step_failure(ended(log("start", ok=False, stderr=said)), "start", job)
    assert failure is not None
    assert f'include = ["{include}"]' in failure.text
    assert "[tool.flowrepro.flow.TrainFlow]" in failure.text


def test_a_file_that_does_not_exist_is_an_error_of_the_flow(job: Job) -> None:
    said = "FileNotFoundError: [Errno 2] No such file or directory: 'nowhere.csv'\n"
    failure = step_failure(ended(log("start", ok=False, stderr=said)), "start", job)
    assert failure is not None
    assert "include" not in failure.text


def test_an_undeclared_module_is_named(job: Job) -> None:
    said = "ModuleNotFoundError: No module named 'sklearn.linear_model'\n"
    failure = step_failure(ended(log("start", ok=False, stderr=said)), "start", job)
    assert failure is not None
    assert "add the package that provides `sklearn`" in failure.text


def test_a_module_of_the_project_comes_with_its_include_line(job: Job) -> None:
    (job.root / "lib").mkdir()
    (job.root / "lib/units.py").touch()
    said = "ModuleNotFoundError: No module named 'units'\n"
    failure = step_failure(ended(log("start", ok=False, stderr=said)), "start", job)
    assert failure is not None
    assert '    [tool.flowrepro.flow.TrainFlow]\n    include = ["../lib"]\n' in failure.text


def test_the_logs_of_a_foreach_stand_under_their_indexes() -> None:
    one = replace(log("train", 0), stdout="a\n")
    two = replace(log("train", 1), stdout="b\n")
    assert log_of([one, log("start")], "train", "stdout") == "a\n"
    assert log_of([one, two], "train", "stdout") == "[0]\na\n[1]\nb\n"
    assert log_of([one, two], "train", "stderr") == ""


def test_a_flow_that_hung_names_what_was_ended_with_it(job: Job) -> None:
    hung = replace(
        ended(log("train", ok=False), failure="stopped after 30 s", timed_out=True),
        ended=("the task of step train", *(f"sleep {number}" for number in range(20)), "sleep 1"),
    )
    failure = step_failure(hung, "train", job)
    assert failure is not None
    assert "and ended:\n    the task of step train\n    sleep 0\n" in failure.text
    assert "    and 11 more\n" in failure.text
    whole = step_failure(replace(hung, logs=()), "train", job)
    assert whole is not None
    assert "    the task of step train" in whole.text
