"""The head of a report in all formats for people: order, counts and circumstances. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pytest_flowrepro.model import VERDICTS, RecordedAs
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sized

    from pytest_flowrepro.model import Cause, FlowReport, Report, RunInfo, Verdict

_WORST_FIRST = tuple(reversed(VERDICTS))
_DONE = {"check": "checked", "record": "recorded", "diff": "compared"}


def worst_first(flows: Iterable[FlowReport]) -> list[FlowReport]:
    """Return the flows, those with the worst verdict first, else in their order.

    Of those with one verdict, flows whose policy changed come first: it decides what all other
    results are worth.
    """
    return sorted(flows, key=lambda flow: (_WORST_FIRST.index(flow.verdict), not _has_policy(flow)))


def _has_policy(flow: FlowReport) -> bool:
    return any(change.kind == "policy" for change in flow.changes)


def verdict_counts(flows: Iterable[FlowReport]) -> str:
    """Return `1 drifted, 2 recorded (1 created, 1 updated)`, the worst first, or `no flows`."""
    flows = tuple(flows)
    verdicts = Counter(flow.verdict for flow in flows)
    recorded = Counter(flow.recorded for flow in flows if flow.recorded)
    effects = ", ".join(f"{recorded[e]:,} {e}" for e in get_args(RecordedAs) if recorded[e])
    inside: Mapping[Verdict, str] = {"recorded": f" ({effects})"} if effects else {}
    counts = (f"{verdicts[v]:,} {v}{inside.get(v, '')}" for v in _WORST_FIRST if verdicts[v])
    return ", ".join(counts) or "no flows"


def report_counts(report: Report) -> str:
    """Return `1 file not collected, 1 drifted`, or `no flows`."""
    if not report.uncollected:
        return verdict_counts(report.flows)
    files = uncollected_count(report.uncollected)
    return f"{files}, {verdict_counts(report.flows)}" if report.flows else files


def uncollected_count(files: Sized) -> str:
    return f"{counted(len(files), 'file')} not collected"


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedCause:
    text: str
    flows: tuple[FlowReport, ...]


def shared_causes(flows: Iterable[FlowReport]) -> list[SharedCause]:
    """Return the causes of more than one flow, those of the most flows first."""
    sharing: dict[object, SharedCause] = {}
    for flow in flows:
        for cause in flow.causes:
            key = _identity(cause, flow)
            flows_before = sharing[key].flows if key in sharing else ()
            sharing[key] = SharedCause(text=cause.text, flows=(*flows_before, flow))
    shared = [cause for cause in sharing.values() if len(cause.flows) > 1]
    return sorted(shared, key=lambda cause: -len(cause.flows))


def _identity(cause: Cause, flow: FlowReport) -> object:
    """Return what two flows have in common if they share a cause.

    A package or a policy belongs to the project. The same words about code or input are about the
    same thing in cases of one flow only, and an unexplained change is never shared.
    """
    if cause.kind in {"environment", "policy"}:
        return cause.kind, cause.text
    if cause.kind == "unexplained":
        return cause.kind, cause.text, flow.file, flow.flow, flow.case
    return cause.kind, cause.text, flow.file, flow.flow


def flow_facts(flow: FlowReport) -> Iterator[str]:
    """Yield lines about how a flow ran: the flows before it, the state of each step, the time."""
    if flow.after:
        yield f"ran after {', '.join(flow.after)}"
    for step in flow.graph:
        following = f", then {', '.join(step.next)}" if step.next else ""
        yield f"step {step.name}, {step.type}: {step.state}{following}"
    if flow.seconds:
        yield ", ".join(f"{stage} {spent:.1f} s" for stage, spent in flow.seconds)


def run_facts(run: RunInfo) -> Iterator[str]:
    """Yield short phrases about a run: command, commit, selection, machine and versions."""
    if run.base and run.head:
        yield f"{run.head} compared with {run.base}"
    elif run.resolution:
        packages = "resolved again" if run.resolution == "fresh" else "as locked"
        yield f"{_DONE[run.command]} with packages {packages}"
    else:
        yield _DONE[run.command]
    if run.selection:
        yield f"selected by {' '.join(run.selection)}"
    if run.commit:
        modified = ", with changes that are not committed" if run.is_modified else ""
        yield f"commit {run.commit[:10]}{f' on {run.branch}' if run.branch else ''}{modified}"
    if run.folder:
        yield f"project in {run.folder}"
    yield run.date
    yield run.platform
    yield run.python
    yield f"pytest-flowrepro {run.version}"
