"""The head of a report in all formats for people: order, counts and circumstances. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_flowrepro.model import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import FlowReport, RunInfo

_WORST_FIRST = tuple(reversed(VERDICTS))
_DONE = {"check": "checked", "record": "recorded", "diff": "compared"}


def worst_first(flows: Iterable[FlowReport]) -> list[FlowReport]:
    """Return the flows, those with the worst verdict first, else in their order."""
    return sorted(flows, key=lambda flow: _WORST_FIRST.index(flow.verdict))


def verdict_counts(flows: Iterable[FlowReport]) -> str:
    """Return `1 drifted, 12 reproduced`, the worst first, or `no flows`."""
    verdicts = Counter(flow.verdict for flow in flows)
    return ", ".join(f"{verdicts[v]:,} {v}" for v in _WORST_FIRST if verdicts[v]) or "no flows"


def run_facts(run: RunInfo) -> Iterator[str]:
    """Yield short phrases about a run: command, commit, selection, machine and versions."""
    if run.base and run.head:
        yield f"{run.head} compared with {run.base}"
    elif run.resolution:
        packages = "resolved again" if run.resolution == "fresh" else "as locked"
        yield f"{_DONE[run.command]} with packages {packages}"
    if run.selection:
        yield f"selected by {' '.join(run.selection)}"
    if run.commit:
        modified = ", with changes that are not committed" if run.is_modified else ""
        yield f"commit {run.commit[:10]}{f' on {run.branch}' if run.branch else ''}{modified}"
    yield run.date
    yield run.platform
    yield run.python
    yield f"pytest-flowrepro {run.version}"
