"""The summary in pytest's terminal, in the colours of pytest's own.

pytest's writer decides whether there are colours at all: on a terminal, or by `--color`, unless
NO_COLOR is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from pytest_flowrepro.report import changes_lines, started_at, summary_line
from pytest_flowrepro.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pytest

    from pytest_flowrepro.model import FlowReport
    from pytest_flowrepro.model.report import Verdict

Color: TypeAlias = Literal["green", "yellow", "red"]

_COLORS: Mapping[Verdict, Color] = {
    "reproduced": "green",
    "recorded": "green",
    "drifted": "red",
    "no baseline": "red",
    "error": "red",
}


class Line(NamedTuple):
    text: str
    color: Color | None = None


def flow_lines(report: FlowReport, *, is_unfinished: bool, details: bool) -> Iterator[Line]:
    """Yield a flow's verdict, and what no failure shows: changes that are not gated, notes.

    The error of an unfinished flow belongs to these: no test of it has a failure.
    """
    yield Line(summary_line(report), _COLORS[report.verdict])
    if is_unfinished and report.error:
        yield Line(f"    {inert(report.error.splitlines()[0])}", "red")
    if start := started_at(report.changes):
        yield Line(f"    started at {start}")
    others = [change for change in report.changes if not change.gated]
    for line in changes_lines(others, details=details):
        yield Line(f"    {line}")
    for note in report.notes:
        yield Line(f"    {inert(note)}", "yellow")


def write_lines(reporter: pytest.TerminalReporter, lines: Iterable[Line]) -> None:
    for line in lines:
        reporter.write_line(line.text, **({line.color: True} if line.color else {}))
