"""The flows that need a reader's attention, by their reason, and the next commands. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.model import PASSING
from pytest_flowrepro.report.grouping import grouped
from pytest_flowrepro.report.overview import worst_first
from pytest_flowrepro.report.text import label, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import Cause, FlowReport, Report, Verdict

_FILES = 3
"""Maximum number of files that a command names; one without files is about the whole project."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The flows that have one verdict for the same reason."""

    verdict: Verdict
    causes: tuple[Cause, ...]
    """The causes that the flows share, without the steps that they changed."""
    reason: str
    """The first line of the error, or a summary of the changes; for flows without causes."""
    flows: tuple[FlowReport, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NextStep:
    """An advice to the reader of a report."""

    text: str
    """A phrase in lower case: `check it on your machine`."""
    command: str | None = None


def findings(report: Report) -> tuple[Finding, ...]:
    """Return the flows that failed, and recordings that changed, the worst first."""
    found: dict[tuple[Verdict, tuple[Cause, ...], str], list[FlowReport]] = {}
    for flow in worst_first(report.flows):
        if flow.verdict not in PASSING or (flow.verdict == "recorded" and flow.changes):
            # Without the steps: one upgrade changes other steps of each flow first.
            causes = () if flow.error else tuple(replace(c, steps=()) for c in flow.causes)
            reason = "" if causes else _reason(flow)
            found.setdefault((flow.verdict, causes, reason), []).append(flow)
    return tuple(
        Finding(verdict=verdict, causes=causes, reason=reason, flows=tuple(flows))
        for (verdict, causes, reason), flows in found.items()
    )


def _reason(flow: FlowReport) -> str:
    if flow.verdict == "no baseline":
        return flow.notes[0] if flow.notes and flow.error is None else "nothing is recorded"
    return flow.error.splitlines()[0] if flow.error else "; ".join(summary(flow))


def origins(flow: FlowReport) -> list[str]:
    """Return the changed results that do not derive from others: `train.score`, `step train`."""
    return [
        label(change)
        for change in grouped(flow.changes)
        if change.kind in {"artifact", "parameter", "step"}
        and change.gated
        and change.origin != "derived"
    ]


def next_steps(report: Report) -> Iterator[NextStep]:
    """Yield what to do about the report; nothing if every flow passed."""
    if report.uncollected:
        yield NextStep(text="correct the files that could not be collected")
    match report.run.command:
        case "check":
            yield from _after_check(report)
        case "record" if any(flow.changes for flow in report.flows):
            yield NextStep(text="review what changed", command="flowrepro diff HEAD")
            yield NextStep(text="commit the baselines")
        case "diff" if report.flows:
            if any(change.weakens for flow in report.flows for change in flow.changes):
                yield NextStep(text="ask why the policy is weaker")
            yield NextStep(
                text="compare the changes below with the intent of the pull request: both sides "
                "are recordings, and merging accepts them"
            )


def _after_check(report: Report) -> Iterator[NextStep]:
    is_fresh = report.run.resolution == "fresh"
    option = " --flow-repro-env=fresh" if is_fresh else ""
    different = [
        flow
        for flow in report.flows
        if flow.verdict in {"drifted", "error"} or (is_fresh and _has_moves(flow))
    ]
    missing = [flow for flow in report.flows if flow.verdict == "no baseline"]
    if different:
        yield NextStep(
            text="check it on your machine",
            command=f"pytest --flow-repro{option}{file_arguments(different)}",
        )
    # A check without a rerun keeps nothing that can be accepted.
    if any(flow.verdict != "error" and flow.is_rerun for flow in different):
        yield NextStep(text="accept or reject each change", command="flowrepro review")
    if missing:
        yield NextStep(
            text="record what is not recorded yet",
            command=f"pytest --flow-repro --flow-repro-update-new{option}{file_arguments(missing)}",
        )


def _has_moves(flow: FlowReport) -> bool:
    """Return whether packages moved, which a check with a fresh resolution only shows."""
    return any(change.kind == "package" for change in flow.changes)


def file_arguments(flows: Iterable[FlowReport]) -> str:
    """Return the files of flows as ` flows/a.py flows/b.py`; empty for many, which means all."""
    files = list(dict.fromkeys(flow.file for flow in flows))
    return "".join(f" {shlex.quote(file)}" for file in files) if len(files) <= _FILES else ""
