from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from _pytest._io import TerminalWriter
from _pytest.terminal import TerminalReporter

from pytest_flowrepro.model import FlowReport
from pytest_flowrepro.plugin.terminal import Line, flow_lines, write_lines

if TYPE_CHECKING:
    from pytest_flowrepro.model.report import Verdict

REPORT = FlowReport(
    file="flow.py", flow="HelloFlow", case=None, verdict="reproduced", seconds=(), changes=()
)


@pytest.mark.parametrize(
    ("verdict", "color"),
    [
        ("reproduced", "green"),
        ("recorded", "green"),
        ("drifted", "red"),
        ("no baseline", "red"),
        ("error", "red"),
    ],
)
def test_a_verdict_has_the_color_of_its_test(verdict: Verdict, color: str) -> None:
    report = replace(REPORT, verdict=verdict, notes=("a note",), error="it broke\nWhat to do: x")

    first, *rest = flow_lines(report, is_unfinished=False, details=False)

    assert first == (f"{verdict:<10}  flow.py::HelloFlow", color)
    assert rest == [("    a note", "yellow")]


def test_the_error_of_an_unfinished_flow_is_shown_in_red() -> None:
    report = replace(REPORT, verdict="error", error="it broke\nWhat to do: x")

    _, *rest = flow_lines(report, is_unfinished=True, details=False)

    assert rest == [("    it broke", "red")]


@pytest.mark.parametrize(
    ("has_markup", "written"),
    [(True, "\x1b[32mgood\x1b[0m\nplain\n"), (False, "good\nplain\n")],
)
def test_pytest_decides_whether_there_are_colors(
    pytestconfig: pytest.Config, has_markup: bool, written: str
) -> None:
    file = io.StringIO()
    reporter = TerminalReporter(pytestconfig, file=file)
    writer = TerminalWriter(file)
    writer.hasmarkup = has_markup
    reporter._tw = writer

    write_lines(reporter, [Line("good", "green"), Line("plain")])

    assert file.getvalue() == written
