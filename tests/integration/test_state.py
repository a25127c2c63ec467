"""Flows that write into their working directory: each rerun begins with a clean copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project


def test_what_a_run_leaves_behind_is_not_there_for_the_next(project: Project) -> None:
    project.place_flows("state")
    project.record().assert_outcomes(passed=5)
    # Two reruns under two hash seeds: both began at nought.
    assert project.artifacts("CounterFlow", "counter")["start"]["[]"]["count"]["value"] == 1
    result = project.check()
    result.assert_outcomes(passed=5)
    assert not (project.path / "state").exists()
    result.stdout.no_fnmatch_line("*wrote*")
    result = project.check("--flow-repro-details")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(
        [
            "*step tidy removed draft.csv",
            "*step start wrote state/counter.txt",
            "*step tidy changed words.csv",
        ]
    )

    project.write("state/counter.txt", "7")  # a run by hand has left it: no part of the package
    project.edit("counter.py", "before + 1\n        self.next", "before + 2\n        self.next")
    assert project.drift() == ["CounterFlow: artifact start.count changed"]
