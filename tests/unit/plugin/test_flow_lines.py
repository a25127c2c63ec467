from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from _pytest.terminal import TerminalReporter
from part_results import part_id

from pytest_flowrepro.plugin.flow_lines import FlowLines, flow_lines_of
from pytest_flowrepro.plugin.options import SessionOptions
from pytest_flowrepro.plugin.results import PartResult
from pytest_flowrepro.plugin.session import SessionState
from pytest_flowrepro.plugin.session_results import SessionResults
from pytest_flowrepro.plugin.worker_store import Collected, SessionFolder

if TYPE_CHECKING:
    from pathlib import Path

CODE, TRAIN = map(part_id, ("code", "step[train]"))
OTHER = part_id("code", flow="\x1b[31mOtherFlow")
"""A flow whose name is hostile."""


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(pytester: pytest.Pytester, tmp_path: Path, output: io.StringIO) -> FlowLines:
    config = pytester.parseconfigure("-q", "--color=no")
    options = SessionOptions(root=tmp_path, settings=None, today=None)  # type: ignore[arg-type]
    session = SessionState(options=options, folder=SessionFolder(tmp_path))
    return FlowLines(
        reporter=TerminalReporter(config, output), session=session, results=SessionResults()
    )


def report(nodeid: str, when: str) -> pytest.TestReport:
    return pytest.TestReport(nodeid, ("", None, ""), {}, "failed", None, when)  # type: ignore[arg-type]


def pass_report(lines: FlowLines, passed: pytest.TestReport) -> None:
    """Pass a report to the lines, and let pytest write the letter of it."""
    hook = lines.pytest_runtest_logreport(passed)
    next(hook)
    lines.reporter.write("F")
    with pytest.raises(StopIteration):
        next(hook)


def test_a_flow_ends_with_its_last_test(lines: FlowLines, output: io.StringIO) -> None:
    lines.results.select((CODE, TRAIN, OTHER))
    lines.results.add(CODE, PartResult(verdict="drifted"))
    lines.results.add(TRAIN, PartResult(verdict="reproduced", seconds=(("rerun", 3.14),)))
    lines.pytest_runtest_logfinish("test_other.py::test_other")
    lines.pytest_runtest_logfinish(TRAIN.nodeid)
    assert output.getvalue() == ""

    lines.pytest_runtest_logfinish(CODE.nodeid)
    lines.pytest_runtest_logfinish(CODE.nodeid)
    assert output.getvalue() == "\nflows/train.py::TrainFlow  drifted  3.1 s (1 of 2)\n"


def test_the_last_line_is_open_until_pytest_writes_another_letter(
    lines: FlowLines, output: io.StringIO
) -> None:
    lines.results.select((OTHER,))
    lines.results.add(OTHER, PartResult(verdict="error"))
    lines.pytest_runtest_logfinish(OTHER.nodeid)
    assert output.getvalue() == "\nflows/train.py::\\u001b[31mOtherFlow  error  (1 of 1)"

    pass_report(lines, report("test_other.py::test_other", "call"))
    assert output.getvalue().endswith("(1 of 1)\nF")


def test_the_test_of_a_crashed_worker_ends_with_its_report(
    lines: FlowLines, output: io.StringIO
) -> None:
    lines.session.folder.leave_collection("gw0", Collected(parts=(CODE,), files=1))
    lines.results.fail(CODE.nodeid, "worker 'gw0' crashed")
    pass_report(lines, report(CODE.nodeid, "call"))
    assert "TrainFlow" not in output.getvalue()

    pass_report(lines, report(CODE.nodeid, "???"))
    assert output.getvalue().endswith("\nflows/train.py::TrainFlow  error  (1 of 1)")


def test_a_flow_without_a_result_has_no_line(lines: FlowLines, output: io.StringIO) -> None:
    lines.results.select((CODE,))
    lines.results.skip(CODE.nodeid)
    lines.pytest_runtest_logfinish(CODE.nodeid)
    assert output.getvalue() == ""


@pytest.mark.parametrize(("option", "has_lines"), [("-v", True), ("-q", True), ("-qq", False)])
def test_a_very_quiet_session_has_no_lines(
    pytester: pytest.Pytester, lines: FlowLines, option: str, has_lines: bool
) -> None:
    config = pytester.parseconfigure(option)
    shown = flow_lines_of(config, lines.session, lines.results)
    assert (shown is not None) is has_lines
