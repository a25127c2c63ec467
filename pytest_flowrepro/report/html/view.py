"""A report as its page shows it: flows with ids, sections, tables and drawings. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.model import VERDICTS, flow_title
from pytest_flowrepro.report.findings import NextStep, next_steps
from pytest_flowrepro.report.grouping import shown
from pytest_flowrepro.report.html.drawing import draw_graph
from pytest_flowrepro.report.html.marked import mark_differences
from pytest_flowrepro.report.html.pictures import view_picture
from pytest_flowrepro.report.html.room import within_limit
from pytest_flowrepro.report.overview import (
    run_facts,
    shared_causes,
    uncollected_count,
    worst_first,
)
from pytest_flowrepro.report.packages import move_kind, package_moves
from pytest_flowrepro.report.text import label, remarks, sides, summary, title, unused_pattern
from pytest_flowrepro.support.text import counted, is_web_address, truncate_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_flowrepro.model import Cause, Change, FlowReport, Report, Verdict
    from pytest_flowrepro.report.html.drawing import Drawing
    from pytest_flowrepro.report.html.marked import Text
    from pytest_flowrepro.report.html.pictures import PictureView
    from pytest_flowrepro.report.packages import PackageMove

VERDICT_MARKS: Mapping[Verdict, str] = {
    "error": "!",
    "drifted": "≠",
    "no baseline": "?",
    "recorded": "+",
    "accepted": "~",
}
"""The marks next to the verdicts, `=` for the others: colour is never the only sign of one."""

_UNFOLDED = {"error", "drifted", "no baseline"}
_MOST_ROWS = 20
"""Maximum number of rows of a section that is unfolded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    name: str
    link: str | None
    old: Text | None
    new: Text | None
    environment: str | None
    remarks: tuple[str, ...]
    explanation: tuple[str, ...]
    is_gated: bool
    pictures: tuple[PictureView, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    caption: str
    column: str
    """The heading of the first column."""
    rows: tuple[Row, ...]
    has_environment: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    heading: str
    number: int | None
    """The number of rows, unless the heading says it."""
    tables: tuple[Table, ...]
    is_open: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Another flow."""

    title: str
    id: str | None
    """None if the page does not have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowView:
    id: str
    file: str
    name: str
    verdict: Verdict
    mark: str
    is_open: bool
    summary: str
    error: tuple[str, ...]
    causes: tuple[Cause, ...]
    drawing: Drawing | None
    sections: tuple[Section, ...]
    after: tuple[Reference, ...]
    notes: tuple[str, ...]
    seconds: tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictCount:
    verdict: Verdict
    mark: str
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseView:
    text: str
    flows: tuple[FlowView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageView:
    counts: tuple[VerdictCount, ...]
    uncollected_count: str | None
    uncollected: tuple[tuple[str, tuple[str, ...]], ...]
    """The files that could not be collected, each with the lines of its error."""
    facts: tuple[str, ...]
    next_steps: tuple[NextStep, ...]
    causes: tuple[CauseView, ...]
    packages: Section | None
    """The packages that moved in more than one flow; None if the flows have none in common."""
    obsolete: tuple[str, ...]
    unused_patterns: tuple[str, ...]
    flows: tuple[FlowView, ...]


def view_page(report: Report, *, details: bool = False) -> PageView:
    """Return the page of a report: the worst verdict first, what needs a look unfolded."""
    flows, left_out = within_limit(report.flows)
    ids = _ids(flows)
    by_title = {title(flow): ids[id(flow)] for flow in flows}
    views = {id(flow): _flow(flow, ids[id(flow)], by_title, details=details) for flow in flows}
    verdicts = Counter(flow.verdict for flow in flows)
    return PageView(
        counts=tuple(
            VerdictCount(verdict=verdict, mark=_mark(verdict), number=verdicts[verdict])
            for verdict in reversed(VERDICTS)
            if verdicts[verdict]
        ),
        uncollected_count=uncollected_count(report.uncollected) if report.uncollected else None,
        uncollected=tuple(
            (file.file, tuple(file.error.splitlines())) for file in report.uncollected
        ),
        facts=(*run_facts(report.run), *_pictures_left_out(left_out)),
        next_steps=tuple(next_steps(report)),
        causes=tuple(
            CauseView(text=cause.text, flows=tuple(views[id(flow)] for flow in cause.flows))
            for cause in shared_causes(flows)
        ),
        packages=_shared_packages(flows),
        obsolete=tuple(f"{baseline.folder}: {baseline.reason}" for baseline in report.obsolete),
        unused_patterns=tuple(map(unused_pattern, report.unused_patterns)),
        flows=tuple(views[id(flow)] for flow in worst_first(flows)),
    )


def _pictures_left_out(number: int) -> Iterator[str]:
    if number:
        yield f"{counted(number, 'picture')} left out to keep the page small"


def _shared_packages(flows: Sequence[FlowReport]) -> Section | None:
    rows = tuple(_move(move) for move in package_moves(flows) if len(move.flows) > 1)
    if not rows:
        return None
    heading = "Packages that moved in more than one flow"
    table = Table(caption=heading, column="package", rows=rows, has_environment=True)
    return Section(
        heading=heading, number=len(rows), tables=(table,), is_open=len(rows) <= _MOST_ROWS
    )


def _move(move: PackageMove) -> Row:
    old, new = mark_differences(move.old, move.new)
    return Row(
        name=move.name,
        link=_link(move.link),
        old=old,
        new=new,
        environment=", ".join(move.environments),
        remarks=(move.kind, *_required(move.via), counted(len(move.flows), "flow")),
        explanation=(),
        is_gated=move.gated,
    )


def _required(via: Sequence[str]) -> Iterator[str]:
    if via:
        yield f"required by {truncate_list(via, 3)}"


def _link(url: str | None) -> str | None:
    return url if url is not None and is_web_address(url) else None


def _ids(flows: Iterable[FlowReport]) -> dict[int, str]:
    """Return ids that stay the same from report to report, by the identity of the flows."""
    ids: dict[int, str] = {}
    taken: Counter[str] = Counter()
    for flow in flows:
        name = "-".join(re.findall(r"\w+", f"flow {title(flow)}"))
        taken[name] += 1
        ids[id(flow)] = name if taken[name] == 1 else f"{name}--{taken[name]}"
    return ids


def _mark(verdict: Verdict) -> str:
    return VERDICT_MARKS.get(verdict, "=")


def _flow(flow: FlowReport, name: str, by_title: Mapping[str, str], *, details: bool) -> FlowView:
    return FlowView(
        id=name,
        file=flow.file,
        name=flow_title(flow.flow, flow.case),
        verdict=flow.verdict,
        mark=_mark(flow.verdict),
        is_open=flow.verdict in _UNFOLDED,
        summary="; ".join(summary(flow)),
        error=tuple((flow.error or "").splitlines()),
        causes=flow.causes,
        drawing=draw_graph(flow.graph),
        sections=tuple(_sections(flow, details=details)),
        after=tuple(Reference(title=other, id=by_title.get(other)) for other in flow.after),
        notes=flow.notes,
        seconds=flow.seconds,
    )


def _sections(flow: FlowReport, *, details: bool) -> Iterator[Section]:
    """Yield the changes by kind; artifacts by step, and those that derive from others last."""
    arranged = shown(flow.changes, details=details)
    by_kind: dict[str, list[Change]] = {}
    for change in (*arranged.leading, *arranged.unloaded):
        kind = "environment" if change.kind in {"package", "python"} else change.kind
        if change.kind == "system" and change.environment:
            kind = "environment"
        by_kind.setdefault("artifact" if kind == "step" else kind, []).append(change)
    steps = [step.name for step in flow.graph]
    yield from _flat("Policy", "setting", by_kind.get("policy", ()))
    yield from _flat("Packages and interpreter", "package", by_kind.get("environment", ()))
    yield from _flat("Parameters", "parameter", by_kind.get("parameter", ()))
    yield from _by_step("Artifacts", by_kind.get("artifact", ()), steps)
    heading = "Derived changes" if arranged.leading else "Changes, all derived"
    is_open = details or not by_kind.get("artifact")
    yield from _by_step(heading, arranged.derived, steps, is_open=is_open)
    yield from _code(by_kind.get("code", ()))
    yield from _flat("System", "layer", by_kind.get("system", ()))


def _flat(heading: str, column: str, changes: Sequence[Change]) -> Iterator[Section]:
    if changes:
        yield _section(heading, (_table(heading, column, changes),))


def _by_step(
    heading: str, changes: Sequence[Change], steps: Sequence[str], *, is_open: bool = True
) -> Iterator[Section]:
    by_step: dict[str, list[Change]] = {}
    for change in changes:
        by_step.setdefault(_step_of(change), []).append(change)
    known = [step for step in steps if step in by_step]
    order = [*known, *(step for step in by_step if step not in known)]
    if changes:
        tables = [_table(f"step {s}" if s else heading, "artifact", by_step[s]) for s in order]
        yield _section(heading, tables, is_open=is_open)


def _step_of(change: Change) -> str:
    return change.name if change.kind == "step" else change.step or ""


def _code(changes: Sequence[Change]) -> Iterator[Section]:
    """Yield the files that the rerun loaded, then the others, folded."""
    loaded = [change for change in changes if change.loaded is not False]
    others = [change for change in changes if change.loaded is False]
    yield from _flat("Code", "file", loaded)
    if others:
        heading = f"{counted(len(others), 'other packaged file')} changed"
        caption = "Files that the rerun did not load as modules"
        yield _section(heading, (_table(caption, "file", others),), is_open=False)


def _section(heading: str, tables: Sequence[Table], *, is_open: bool = True) -> Section:
    number = sum(len(table.rows) for table in tables)
    return Section(
        heading=heading,
        number=None if heading.startswith(f"{number:,} ") else number,
        tables=tuple(tables),
        is_open=is_open and number <= _MOST_ROWS,
    )


def _table(caption: str, column: str, changes: Sequence[Change]) -> Table:
    return Table(
        caption=caption,
        column=column,
        rows=tuple(map(_row, changes)),
        has_environment=column == "package",
    )


def _row(change: Change) -> Row:
    old, new = mark_differences(*sides(change))
    return Row(
        name=label(change),
        link=_link(change.link),
        old=old,
        new=new,
        environment=change.environment,
        remarks=tuple(_remarks(change)),
        explanation=change.explanation,
        is_gated=change.gated,
        pictures=tuple(map(view_picture, change.pictures)),
    )


def _remarks(change: Change) -> Iterator[str]:
    if change.kind in {"package", "python"}:
        yield "declared" if change.declared else move_kind(change)
        yield from _required(change.via)
    elif change.change == "unread":
        yield "could not be compared"
    elif change.change != "changed" or (change.old is None and change.new is None):
        yield change.change
    yield from remarks(change)
