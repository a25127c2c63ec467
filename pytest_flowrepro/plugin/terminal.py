"""The summary in pytest's terminal, in the colours of pytest's own.

pytest's writer decides whether there are colours at all: on a terminal, or by `--color`, unless
NO_COLOR is set.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from pytest_flowrepro.model import PASSING, VERDICTS
from pytest_flowrepro.report import cause_line, started_at, summary_line
from pytest_flowrepro.report.overview import shared_causes, uncollected_count, verdict_counts
from pytest_flowrepro.report.text import inert, render_changes, title
from pytest_flowrepro.support.text import counted, truncate_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import pytest

    from pytest_flowrepro.model import FlowReport, Uncollected
    from pytest_flowrepro.model.report import Verdict

Color: TypeAlias = Literal["green", "yellow", "red"]
FlowKey: TypeAlias = tuple[str, str, str | None]
"""File, name and case of a flow."""

_MANY = 20
"""Maximum number of flows that are all listed."""
_LISTED, _NAMED = 15, 10
"""The numbers of failed flows, of more than that, with lines of their own, and by name only."""
_SIDES: Mapping[Literal["added", "removed"], Color] = {"added": "green", "removed": "red"}


class Line(NamedTuple):
    text: str
    color: Color | None = None


def summary_lines(
    flows: Sequence[FlowReport],
    *,
    unfinished: Collection[FlowKey],
    uncollected: Sequence[Uncollected] = (),
    is_full: bool = False,
    details: bool = False,
) -> Iterator[Line]:
    """Yield the closing summary of a session's flows, which fits on a screen unless it `is_full`.

    `unfinished` are the flows with a test that did not run. The errors of `uncollected` files are
    shown by pytest. Causes and notes that several flows
    share are said once. Of more than `_MANY` flows, those that passed are only counted, and the
    others have a line and their own cause.
    """
    shared = tuple(shared_causes(flows))
    notes = tuple(_shared_notes(flows))
    is_long = len(flows) > _MANY and not is_full
    listed = [flow for flow in flows if flow.verdict not in PASSING] if is_long else list(flows)
    once = {cause.text for cause in shared} | set(notes)
    for flow in listed[: _LISTED if is_long else None]:
        lines = flow_lines(
            flow, is_unfinished=_key(flow) in unfinished, details=details, known=once
        )
        yield from islice(lines, 2 if is_long else None)
    if is_long and (left := listed[_LISTED:]):
        names = truncate_list([inert(title(flow)) for flow in left], _NAMED)
        yield Line(f"and {counted(len(left), 'more flow')}: {names}", "red")
    for cause in shared:
        yield Line(f"cause of {counted(len(cause.flows), 'flow')}: {inert(cause.text)}")
    yield from (Line(f"note: {inert(note)}", "yellow") for note in notes)
    if uncollected:
        files = truncate_list([inert(file.file) for file in uncollected], _NAMED)
        yield Line(f"{uncollected_count(uncollected)}: {files}", "red")
    if len(flows) > 1:
        yield Line(verdict_counts(flows), color_of(max(map(_verdict, flows), key=VERDICTS.index)))
    if is_long:
        yield Line("-v shows every flow with its changes and notes")


def _key(flow: FlowReport) -> FlowKey:
    return flow.file, flow.flow, flow.case


def _verdict(flow: FlowReport) -> Verdict:
    return flow.verdict


def _shared_notes(flows: Iterable[FlowReport]) -> Iterator[str]:
    """Yield the notes that several flows have in the same words."""
    numbers = Counter(note for flow in flows for note in dict.fromkeys(flow.notes))
    yield from (note for note, number in numbers.items() if number > 1)


def flow_lines(
    report: FlowReport, *, is_unfinished: bool, details: bool, known: Collection[str] = ()
) -> Iterator[Line]:
    """Yield the lines of a flow: its verdict, its notes, and changes that are not gated.

    An unfinished flow also has its error, because no test of it shows a failure. Causes and notes
    that are `known` from another place are left out.
    """
    yield Line(summary_line(report), color_of(report.verdict))
    if is_unfinished and report.error:
        yield Line(f"    {inert(report.error.splitlines()[0])}", "red")
    for cause in report.causes:
        if cause.text not in known:
            yield Line(f"    {cause_line(cause)}")
    if start := started_at(report.changes):
        yield Line(f"    started at {start}")
    # Gated changes of a check are those that its tests fail with. The summary counts the files that
    # the rerun did not load.
    unshown = [
        change
        for change in report.changes
        if report.recorded or not change.gated
        if details or change.loaded is not False
    ]
    for line in render_changes(unshown, details=details):
        color = _SIDES[line.side] if line.side else None
        yield Line(f"    {'    ' * line.depth}{line.text}", color)
    for note in report.notes:
        if note not in known:
            yield Line(f"    {inert(note)}", "yellow")


def color_of(verdict: Verdict) -> Color:
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
