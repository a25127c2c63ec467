"""A flow that computes gives the same on a machine with other processors, or says why not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support import hardware

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

NUMBERS = """\
from metaflow import FlowSpec, step


class NumbersFlow(FlowSpec):
    @step
    def start(self):
        import numpy as np

        numbers = np.random.default_rng(7)
        one, other = numbers.standard_normal((2, 300, 300))
        self.total = float((one @ other)[0, 0])
        self.solved = np.linalg.solve(one, other[:, :3])
        self.rows = len(one)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NumbersFlow()
"""

V2 = "flags : cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3\n"


@pytest.mark.skipif(
    hardware.read_hardware().level not in {"x86-64-v3", "x86-64-v4"},
    reason="the CPU has no level of x86-64 to come down from",
)
def test_numbers_are_those_of_the_profile_whatever_the_machine_has(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("flow.py", NUMBERS)
    project.write("requirements.txt", "metaflow\nnumpy\n")
    recorded = project.record()
    recorded.stdout.fnmatch_lines(
        [
            "*depends on the machine (*): start.solved, start.total. Recorded under threads = 1 *",
            "*rtol = {*start.solved*= 1e-*start.total*= 1e-*",
        ]
    )
    start = project.artifacts("NumbersFlow")["start"]["[]"]
    marks = {name: found.get("determinism") for name, found in start.items()}
    assert marks == {"total": "machine", "solved": "machine", "rows": None}

    all_processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_processors)})
    try:
        assert project.drift() == []
    finally:
        os.sched_setaffinity(0, all_processors)

    (tmp_path / "cpuinfo").write_text(V2, encoding="utf-8")
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "cpuinfo")
    lower = project.check()
    lower.assert_outcomes(passed=3, failed=1)
    lower.stdout.fnmatch_lines(
        [
            "*start.solved*machine*",
            "*recorded on a different machine: CPU x86-64-v* -> x86-64-v2*",
            "*start.total*machine*",
            '*this machine is x86-64-v2, below cpu = "x86-64-v3"*',
        ]
    )
