"""Without `--flow-repro` there is no plugin but for its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conftest import HELLO

if TYPE_CHECKING:
    from conftest import Project

SEEN = """\
import sys

def test_seen():
    ours = [name for name in sys.modules if name.startswith("pytest_flowrepro")]
    names = ["pytest_flowrepro", "pytest_flowrepro.hookspecs", "pytest_flowrepro.plugin"]
    assert sorted(ours) == names
    assert "numpy" not in sys.modules and "virtualenv" not in sys.modules
"""


def test_nothing_is_imported_shown_or_written(project: Project) -> None:
    project.write("flow.py", HELLO)
    project.write("test_seen.py", SEEN)
    result = project.pytester.runpytest_subprocess("-p", "no:cacheprovider", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*flow-repro*")
    result.stdout.no_fnmatch_line("flowrepro:*")
    # Pytester itself keeps the output of what it ran.
    new = {path.name for path in project.path.iterdir() if not path.name.startswith("runpytest")}
    known = {"flow.py", "test_seen.py", "pyproject.toml", "__pycache__", "stdout", "stderr"}
    assert new <= known


def test_it_can_be_switched_off_altogether(project: Project) -> None:
    project.write("test_one.py", "def test_one():\n    pass\n")
    project.pytester.runpytest_subprocess("-p", "no:flowrepro").assert_outcomes(passed=1)
    result = project.pytester.runpytest_subprocess("-p", "no:flowrepro", "--flow-repro")
    result.stderr.fnmatch_lines(["*unrecognized arguments: --flow-repro*"])
