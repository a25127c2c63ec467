"""The summary in pytest's terminal, in the colours of pytest's own.

pytest's writer decides whether there are colours at all: on a terminal, or by `--color`, unless
NO_COLOR is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from pytest_flowrepro.model import PASSING
from pytest_flowrepro.report import cause_line, changes_lines, started_at, summary_line
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pytest

    from pytest_flowrepro.model import FlowReport
    from pytest_flowrepro.model.report import Verdict

Color: TypeAlias = Literal["green", "yellow", "red"]


class Line(NamedTuple):
    text: str
    color: Color | None = None


def flow_lines(report: FlowReport, *, is_unfinished: bool, details: bool) -> Iterator[Line]:
    """Yield the lines of a flow: its verdict, its notes, and changes that are not gated.

    An unfinished flow also has its error, because no test of it shows a failure.
    """
    yield Line(summary_line(report), _color(report.verdict))
    if is_unfinished and report.error:
        yield Line(f"    {inert(report.error.splitlines()[0])}", "red")
    for cause in report.causes:
        yield Line(f"    {cause_line(cause)}")
    if start := started_at(report.changes):
        yield Line(f"    started at {start}")
    # Gated changes of a check are those that its tests fail with.
    unshown = [change for change in report.changes if report.recorded or not change.gated]
    for line in changes_lines(unshown, details=details):
        yield Line(f"    {line}")
    for note in report.notes:
        yield Line(f"    {inert(note)}", "yellow")


def _color(verdict: Verdict) -> Color:
    if verdict == "accepted":
        return "yellow"
    return "green" if verdict in PASSING else "red"


def kept_locks(reports: Iterable[FlowReport]) -> Iterator[Line]:
    """Yield a line about the locks of recordings that replaced others; notes name exceptions."""
    if any(report.recorded in {"updated", "unchanged"} for report in reports):
        yield Line(
            "recorded locks were kept unless a note says otherwise; --flow-repro-env=fresh "
            "resolves anew"
        )


def written_in_ci(reports: Iterable[FlowReport], environ: Mapping[str, str]) -> Iterator[Line]:
    """Yield a warning if baselines were written in CI, where nothing may commit them."""
    written = [report for report in reports if report.recorded in {"created", "updated"}]
    if written and environ.get("CI"):
        count = counted(len(written), "baseline")
        yield Line(
            f"wrote {count} in CI without a comparison: commit the files, or leave out "
            "--flow-repro-update",
            "yellow",
        )


def write_lines(reporter: pytest.TerminalReporter, lines: Iterable[Line]) -> None:
    for line in lines:
        reporter.write_line(line.text, **({line.color: True} if line.color else {}))


def progress_writer(config: pytest.Config) -> Callable[[str], None]:
    """Return a function that writes a line to a terminal at once, past pytest's capturing."""

    def write(text: str) -> None:
        # Looked up late: this plugin is configured before the terminal's.
        reporter = config.pluginmanager.getplugin("terminalreporter")
        capture = config.pluginmanager.getplugin("capturemanager")
        if reporter is not None and capture is not None and reporter.isatty:
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(f"  {text}", light=True)
                reporter.flush()

    return write
