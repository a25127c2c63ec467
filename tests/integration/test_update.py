"""`--flow-repro-update` and `--flow-repro-update-new`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from conftest import SHARED, record_once
from recordings import names_in

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

DICE = """\
import random
from metaflow import FlowSpec, step


class DiceFlow(FlowSpec):
    @step
    def start(self):
        self.sides = 6
        self.order = list({"a", "b", "c", "d", "e", "f", "g", "h"})
        self.next(self.end)

    @step
    def end(self):
        self.thrown = random.random()


if __name__ == "__main__":
    DiceFlow()
"""

ONE_RUN = "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n"
THREE_RUNS = "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 3\n"
"""As few as tell a value that depends on the hash seed from a random one."""


@pytest.fixture
def dice(project: Project, session_folder: Path) -> Project:
    """A project whose only flow, DiceFlow in flow.py, has a baseline."""

    def fill(folder: Path) -> None:
        (folder / "flow.py").write_text(DICE, "utf-8")
        (folder / "pyproject.toml").write_text(THREE_RUNS, "utf-8")

    record_once(session_folder / "recorded-dice", fill)(project.path)
    return project


def test_recording_again_reports_what_differs_between_runs_and_gives_the_same_bytes(
    dice: Project,
) -> None:
    before, bytes_before = set(dice.path.rglob("*")), dice.baseline_bytes()
    result = dice.record("-p", "no:cacheprovider")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "flowrepro: *record, by uv",
            "recorded    flow.py::DiceFlow  unchanged; 1 nondeterministic*",
            "*differs from run to run: end.thrown. Seed it*",
            "*depends on the hash seed: start.order. Sort it*",
        ]
    )
    assert dice.baseline_bytes() == bytes_before
    assert set(dice.path.rglob("*")) == before


def test_a_baseline_says_what_differs_and_a_check_reproduces_the_rest(dice: Project) -> None:
    written = {file.name for file in dice.path.iterdir()}
    assert written == {"flow.py", "pyproject.toml", "__flowrepro__"}, "and nothing else"
    assert names_in(dice.baseline("DiceFlow")) == [
        "artifacts.json",
        "manifest.json",
    ]
    start, end = (dice.artifacts("DiceFlow")[step]["[]"] for step in ("start", "end"))
    assert end["thrown"]["determinism"] == "nondeterministic"
    assert start["order"]["determinism"] == "hash-seed"
    assert "determinism" not in start["sides"]

    result = dice.check()
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["reproduced  flow.py::DiceFlow  1 nondeterministic artifact not compared*"]
    )


def test_a_nondeterministic_artifact_can_be_gated(dice: Project) -> None:
    dice.write("pyproject.toml", '[tool.pytest]\n[tool.flowrepro]\nfail-on=["nondeterminism"]\n')
    result = dice.check("-k", "step")
    result.assert_outcomes(failed=2, deselected=2)  # and the policy
    result.stdout.fnmatch_lines(["*step[[]end[]] drifted*", "*thrown*"])


def test_one_run_records_without_comparing(project: Project) -> None:
    project.write("flow.py", DICE)
    project.write("pyproject.toml", ONE_RUN)
    project.record()
    assert "determinism" not in project.artifacts("DiceFlow")["end"]["[]"]["thrown"]
    # Nobody was told, so the check has to say it.
    project.check("-k", "step[end]").assert_outcomes(failed=1, deselected=3)


def test_new_records_what_has_no_baseline_and_checks_the_rest(hello: Project) -> None:
    hello.write("dice.py", DICE)
    hello.write("pyproject.toml", ONE_RUN)
    before = hello.baseline_bytes()
    hello.edit("flow.py", '"hello "', '"hullo "')
    result = hello.check("--flow-repro-update-new")
    result.assert_outcomes(passed=4 + 4, failed=1)
    after = hello.baseline_bytes()
    assert {name: after[name] for name in before} == before
    assert any(name.startswith("dice/DiceFlow/") for name in after)


def test_flows_that_are_not_selected_keep_their_baselines(hello: Project) -> None:
    hello.write("dice.py", DICE)
    hello.write("pyproject.toml", ONE_RUN)
    before = hello.baseline_bytes()
    hello.edit("flow.py", '"hello "', '"hullo "')
    hello.record("-k", "DiceFlow").assert_outcomes(passed=4, deselected=5)
    after = hello.baseline_bytes()
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 3  # manifest, artifacts, seal; both have the same lock


def test_a_flow_that_fails_is_not_recorded_and_x_stops_before_the_next_one(
    hello: Project,
) -> None:
    before = hello.baseline_bytes()
    hello.edit("flow.py", "self.total = ", "self.total = 1 / 0 + ")
    hello.write("next.py", DICE)
    result = hello.record("-x", "-rs", "flow.py", "next.py")
    result.assert_outcomes(failed=1, skipped=4)
    result.stdout.fnmatch_lines(["step end of HelloFlow failed (exit code 1)"])
    result.stdout.fnmatch_lines(["*HelloFlow was not recorded: it ended with exit code 1"])
    assert hello.baseline_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_recording_that_is_ended_leaves_the_old_baseline_whole(
    hello: Project, number: signal.Signals
) -> None:
    before = hello.baseline_bytes()
    hello.edit("flow.py", '"hello "', '"hullo "')
    hello.edit(
        "flow.py", "        self.total", "        open(MARK, 'w').close()\n        self.total"
    )
    mark = hello.path / "reached"
    hello.edit("flow.py", "class Hello", f"MARK = {str(mark)!r}\n\n\nclass Hello")
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest", *SHARED, "--flow-repro", "--flow-repro-update"],
        cwd=hello.path,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "80"},
        # A job in the background of a shell ignores Ctrl-C, and its children would as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no thread is there
    )
    while not mark.exists() and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(number)
    child.wait(30)
    assert mark.exists()
    assert hello.baseline_bytes() == before
