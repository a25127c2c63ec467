"""The patterns of a command line that select proposals."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, get_args

from pytest_flowrepro.model.patterns import covers
from pytest_flowrepro.review.proposals import ProposalKind
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.text import did_you_mean, truncate_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.review.proposals import Proposal

_OF_VALUES = {"artifact", "tasks"}
_KINDS = frozenset(get_args(ProposalKind)) - _OF_VALUES


def selects(pattern: str, proposal: Proposal) -> bool:
    """Return whether a pattern selects a proposal.

    `code`, `policy`, `system`, `environment` and `requirements` select the proposals of that kind,
    `environment:base` that of one environment. Every other pattern is one of `ignore`, and selects
    artifacts, parameters (of the step `_parameters`) and the tasks of a step.
    """
    kind, _, name = pattern.partition(":")
    if kind in _KINDS:
        return proposal.kind == kind and fnmatchcase(proposal.name, name or "*")
    return proposal.kind in _OF_VALUES and covers(pattern, (proposal.step, proposal.name))


def check_selected(patterns: Iterable[str], proposals: Iterable[Proposal]) -> None:
    """Raise `FlowReproError` for a pattern that selects no proposal."""
    proposals = tuple(proposals)
    names = tuple(dict.fromkeys(map(_pattern_of, proposals)))
    for pattern in patterns:
        if not any(selects(pattern, proposal) for proposal in proposals):
            raise FlowReproError(
                f"No change matches `{pattern}`{did_you_mean(pattern, names)}",
                hint=f"pass one of {truncate_list(names, 20)}",
            )


def _pattern_of(proposal: Proposal) -> str:
    """Return the pattern that selects a proposal and as little else as possible."""
    match proposal.kind:
        case "artifact":
            return f"{proposal.step}.{proposal.name}"
        case "tasks":
            return f"{proposal.step}.*"
        case "environment" | "requirements":
            return f"{proposal.kind}:{proposal.name}"
    return proposal.kind
