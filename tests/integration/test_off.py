"""Without `--flow-repro` there is no plugin but for its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import HELLO

if TYPE_CHECKING:
    from conftest import Project


def test_nothing_is_shown_or_written(unrun_project: Project) -> None:
    unrun_project.write("flow.py", HELLO)
    unrun_project.write("test_seen.py", "def test_seen():\n    pass\n")
    result = unrun_project.pytester.runpytest_subprocess("-p", "no:cacheprovider", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*flow-repro*")
    result.stdout.no_fnmatch_line("flowrepro:*")
    # Pytester itself keeps the output of what it ran.
    new = {
        path.name for path in unrun_project.path.iterdir() if not path.name.startswith("runpytest")
    }
    known = {"flow.py", "test_seen.py", "pyproject.toml", "__pycache__", "stdout", "stderr"}
    assert new <= known


def test_an_option_without_the_switch_is_a_usage_error(unrun_project: Project) -> None:
    unrun_project.write("test_one.py", "def test_one():\n    pass\n")
    result = unrun_project.pytester.runpytest_inprocess("--flow-repro-timeout=0")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--flow-repro-timeout has no effect without --flow-repro*", "What to do:*"]
    )
    unrun_project.write("pytest.ini", "[pytest]\naddopts = --flow-repro-timeout=0\n")
    assert unrun_project.pytester.runpytest_inprocess().ret == pytest.ExitCode.USAGE_ERROR


def test_it_can_be_switched_off_altogether(unrun_project: Project) -> None:
    unrun_project.write("test_one.py", "def test_one():\n    pass\n")
    unrun_project.pytester.runpytest_subprocess("-p", "no:flowrepro").assert_outcomes(passed=1)
    result = unrun_project.pytester.runpytest_subprocess("-p", "no:flowrepro", "--flow-repro")
    result.stderr.fnmatch_lines(["*unrecognized arguments: --flow-repro*"])
