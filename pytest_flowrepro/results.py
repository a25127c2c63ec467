"""Puts the results of a session's tests together again: one `FlowReport` for each flow."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.model import Change, FlowReport
from pytest_flowrepro.verdict import worst
from pytest_flowrepro.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable


def flow_reports(
    results: Iterable[dict[str, Any]], *, fresh: bool = False
) -> tuple[FlowReport, ...]:
    """One report per flow and case, sorted, out of the plain values of its tests.

    `fresh`: packages were resolved anew; what moved is told in two sentences.
    """
    by_flow: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for result in results:
        key = (result["file"], result["flow"], result["case"] or "")
        by_flow.setdefault(key, []).append(result)
    reports = []
    for key in sorted(by_flow):
        # Under xdist they come as they end.
        report = _flow_report(sorted(by_flow[key], key=itemgetter("position")))
        parts = {part["part"] for part in by_flow[key]}
        reports.append(_with_moves(report, parts) if fresh else report)
    return tuple(reports)


def idle_patterns(results: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The project's patterns for which there was nothing to do in any flow.

    Empty where that is not known of one of the flows, as it ended with an error.
    """
    by_flow: dict[tuple[str, str, str | None], list[str] | None] = {}
    for result in results:
        flow = (result["file"], result["flow"], result["case"])
        if result["idle"] is not None or flow not in by_flow:
            by_flow[flow] = result["idle"]
    known = [idle for idle in by_flow.values() if idle is not None]
    if not known or len(known) < len(by_flow):
        return ()
    return tuple(pattern for pattern in known[0] if all(pattern in idle for idle in known))


def _with_moves(report: FlowReport, parts: set[str]) -> FlowReport:
    """What lets a person upgrade with evidence: `3 packages moved`, `artifacts unchanged`."""
    if report.verdict not in {"reproduced", "drifted"}:
        return report
    notes = []
    if "environment" in parts:
        packages = (change for change in report.changes if change.kind == "package")
        moved = {change.name for change in packages if not change.declared}
        notes.append(f"{counted(len(moved), 'package')} moved" if moved else "no package moved")
    if "rerun" in dict(report.seconds):
        values = [c for c in report.changes if c.kind in {"artifact", "parameter"}]
        changed = [c for c in values if c.within is None]
        count = counted(len(changed), "artifact")
        notes.append(f"{count} changed" if changed else "artifacts unchanged")
    return replace(report, notes=(*notes, *report.notes))


def _flow_report(parts: list[dict[str, Any]]) -> FlowReport:
    first = parts[0]
    seconds: dict[str, float] = {}
    notes: dict[str, None] = {}
    for part in parts:
        # A stage that several tests asked for took long for the first of them only.
        for stage, spent in part["seconds"]:
            seconds[stage] = max(spent, seconds.get(stage, 0.0))
        notes |= dict.fromkeys(part["notes"])
    # What has changes of its own, those tell.
    untold = (part for part in parts if part["failure"] and not part["changes"])
    told = [part["failure"] for part in untold if part["verdict"] in {"error", "no baseline"}]
    return FlowReport(
        file=first["file"],
        flow=first["flow"],
        case=first["case"],
        verdict=worst(part["verdict"] for part in parts),
        seconds=tuple(seconds.items()),
        changes=tuple(_change(change) for part in parts for change in part["changes"]),
        nondeterministic=max(part["nondeterministic"] for part in parts),
        notes=tuple(notes),
        error=told[0] if told else None,
    )


def _change(fields: dict[str, Any]) -> Change:
    tuples = ("index", "explanation", "tasks")
    return Change(
        **fields | {key: tuple(fields[key]) for key in tuples if fields.get(key) is not None}
    )
