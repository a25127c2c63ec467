"""The results of a session's tests, merged into one `FlowReport` for each flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.model import Cause, FlowReport
from pytest_flowrepro.report.text import title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_flowrepro.model import GraphStep
    from pytest_flowrepro.plugin.results import PartId, PartResult


def flow_reports(
    results: Mapping[PartId, PartResult], *, fresh: bool = False
) -> tuple[FlowReport, ...]:
    """Return one report per flow and case, sorted.

    `fresh`: packages were resolved again, and notes say what did not change.
    """
    by_flow: dict[tuple[str, str, str], dict[PartId, PartResult]] = {}
    # Under xdist, results come in the order in which the tests end.
    for part in sorted(results, key=lambda part: part.position):
        key = (part.file, part.flow, part.case or "")
        by_flow.setdefault(key, {})[part] = results[part]
    reports = []
    for key in sorted(by_flow):
        parts = by_flow[key]
        report = _flow_report(tuple(parts), tuple(parts.values()))
        reports.append(_with_moves(report, {part.part for part in parts}) if fresh else report)
    by_title = {title(report): report for report in reports}
    return tuple(_with_upstream_causes(report, by_title) for report in reports)


def unused_patterns(results: Mapping[PartId, PartResult]) -> tuple[str, ...]:
    """Return the project's patterns that no flow needed.

    Empty if that is not known of one of the flows, because it ended with an error.
    """
    by_flow: dict[tuple[str, str, str | None], tuple[str, ...] | None] = {}
    for part, result in results.items():
        if result.idle is not None or part.flow_key not in by_flow:
            by_flow[part.flow_key] = result.idle
    idle_patterns = [idle for idle in by_flow.values() if idle is not None]
    if not idle_patterns or len(idle_patterns) < len(by_flow):
        return ()
    return tuple(
        pattern for pattern in idle_patterns[0] if all(pattern in idle for idle in idle_patterns)
    )


def has_silent_failure(results: Mapping[PartId, PartResult]) -> bool:
    """Return whether tests of a flow left a failure to another test, which reported none.

    A plugin of the project may have skipped that one.
    """
    skipped = {part.flow_key for part, result in results.items() if result.skipped}
    return bool(skipped - {part.flow_key for part, result in results.items() if result.failure})


def _flow_report(parts: tuple[PartId, ...], results: tuple[PartResult, ...]) -> FlowReport:
    from pytest_flowrepro.diff.verdict import worst  # noqa: PLC0415  large, and not for collecting

    first = parts[0]
    seconds: dict[str, float] = {}
    for result in results:
        # If several tests need a stage, it takes long only for the first of them.
        for stage, spent in result.seconds:
            seconds[stage] = max(spent, seconds.get(stage, 0.0))
    changes = (change for result in results for change in result.changes)
    return FlowReport(
        file=first.file,
        flow=first.flow,
        case=first.case,
        verdict=worst(result.verdict for result in results),
        seconds=tuple(seconds.items()),
        changes=tuple(sorted(changes, key=lambda change: change.kind != "policy")),
        causes=tuple(dict.fromkeys(cause for result in results for cause in result.causes)),
        recorded=next((result.recorded for result in results if result.recorded), None),
        nondeterministic=max(result.nondeterministic for result in results),
        notes=tuple(dict.fromkeys(note for result in results for note in result.notes)),
        error=_error(results),
        after=next((result.after for result in results if result.after), ()),
        selected=tuple(part.part for part in parts),
        tests=first.tests,
        graph=_graph(results),
        cards=tuple(card for result in results for card in result.cards),
    )


def _graph(results: tuple[PartResult, ...]) -> tuple[GraphStep, ...]:
    """Return the graph with the states of a rerun, else one of which nothing was compared."""
    graphs = [result.graph for result in results if result.graph]
    compared = (graph for graph in graphs if any(step.state != "not compared" for step in graph))
    return next(compared, graphs[0] if graphs else ())


def _with_upstream_causes(report: FlowReport, by_title: Mapping[str, FlowReport]) -> FlowReport:
    """Add the flows before a drifted one that drifted, too, in place of an unknown cause."""
    upstream = [by_title[name] for name in report.after if name in by_title]
    drifted = [flow for flow in upstream if flow.verdict == "drifted"]
    if report.verdict != "drifted" or not drifted:
        return report
    unexplained = [cause for cause in report.causes if cause.kind == "unexplained"]
    steps = tuple(step for cause in unexplained for step in cause.steps)
    return replace(
        report,
        causes=(
            *(cause for cause in report.causes if cause not in unexplained),
            *(
                Cause(
                    kind="input", text=f"{title(flow)}, which ran before it, drifted", steps=steps
                )
                for flow in drifted
            ),
        ),
    )


def _error(results: Iterable[PartResult]) -> str | None:
    """Return the most important failure that no change explains."""
    unexplained = [
        result for result in results if result.failure and (not result.changes or result.is_broken)
    ]
    failures = (
        result.failure
        for verdict in ("error", "no baseline")
        for result in unexplained
        if result.verdict == verdict
    )
    return next(failures, None)


def _with_moves(report: FlowReport, parts: set[str]) -> FlowReport:
    """Add notes that help to decide on an upgrade: `packages unchanged`, `artifacts unchanged`.

    What changed, the summary of the flow counts.
    """
    if report.recorded or report.verdict in {"no baseline", "error"}:
        return report
    notes = []
    if "environment" in parts:
        packages = (change for change in report.changes if change.kind == "package")
        if all(change.declared for change in packages):
            notes.append("packages unchanged")
    if report.is_rerun:
        values = [change for change in report.changes if change.kind in {"artifact", "parameter"}]
        if all(change.within is not None for change in values):
            notes.append("artifacts unchanged")
    return replace(report, notes=(*notes, *report.notes))
