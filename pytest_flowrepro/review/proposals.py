"""The changes of a failed check as proposals, each accepted or rejected as a whole. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_flowrepro.diff import Limits, diff
from pytest_flowrepro.model import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.model import Artifact, Change, Gate, Recording
    from pytest_flowrepro.review.last_check import LastCheck

ProposalKind: TypeAlias = Literal[
    "policy", "code", "requirements", "environment", "system", "artifact", "tasks"
]

_UNKNOWN = "it is new, and whether it repeats is known only after several runs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """Changes that belong together.

    Code files and the graph of the steps are one proposal, because the code defines the graph, with
    the artifacts of the steps that come or go; so
    are the interpreter and the packages of an environment, which come from one lock, the settings
    of the policy, and the tasks of a step that set one artifact.
    """

    kind: ProposalKind
    name: str = ""
    """The environment or the artifact."""
    step: str = ""
    """For an artifact or tasks: the step, `_parameters` for a parameter."""
    changes: tuple[Change, ...]
    needs_recording: str | None = None
    """The reason why it cannot be accepted without a recording."""

    @property
    def title(self) -> str:
        match self.kind:
            case "artifact" if self.step == PARAMETERS:
                return f"parameter {self.name}"
            case "artifact":
                return f"{self.step}.{self.name}"
            case "tasks":
                return f"tasks of {self.step}"
            case "environment" | "requirements":
                return f"{self.kind} of {self.name}"
        return self.kind

    @property
    def gated(self) -> bool:
        """True if a check fails because of it."""
        return any(change.gated for change in self.changes)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.name, self.step


def changes_of(
    baseline: Recording, check: LastCheck, *, details: bool = False
) -> tuple[Change, ...]:
    """Return the changes that a check found, gated as they were then.

    With `details`, their explanations are complete.
    """
    policy = check.observed.policy
    fresh: frozenset[Gate] = frozenset({"environment"} if check.fresh else ())
    return diff(
        baseline,
        check.observed,
        gates=policy.fail_on - fresh,
        patterns=policy.patterns,
        limits=Limits.of_flow(details=details),
    )


def propose(
    changes: Iterable[Change], baseline: Recording, check: LastCheck
) -> tuple[Proposal, ...]:
    """Return the proposals of the changes of a check, in the order of a report.

    Changes of values that are not gated, such as those within a tolerance, are left out.
    """
    changes = tuple(changes)
    lone_steps = {
        change.step
        for change in changes
        if change.kind == "step" and change.index is None and change.change in {"added", "removed"}
    }
    grouped: dict[tuple[ProposalKind, str, str], list[Change]] = {}
    for change in changes:
        if change.kind == "artifact" and change.step in lone_steps:
            grouped.setdefault(("code", "", ""), []).append(change)
        elif change.gated or not _is_of_value(change):
            grouped.setdefault(_key(change, fresh=check.fresh), []).append(change)
    return tuple(
        Proposal(
            kind=kind,
            name=name,
            step=step,
            changes=tuple(members),
            needs_recording=_recording_needed(kind, members, baseline, check),
        )
        for (kind, name, step), members in grouped.items()
    )


def siblings(recording: Recording, step: str, name: str) -> tuple[Artifact, ...]:
    """Return an artifact as the tasks of a step have set it."""
    return tuple(
        artifact
        for task in recording.tasks
        if task.step == step
        for artifact in task.artifacts
        if artifact.name == name
    )


def _is_of_value(change: Change) -> bool:
    return change.kind in {"artifact", "parameter"} or _is_of_task(change)


def _is_of_task(change: Change) -> bool:
    return change.kind == "step" and change.index is not None


def _key(change: Change, *, fresh: bool) -> tuple[ProposalKind, str, str]:
    """Return kind, name and step of the proposal that a change belongs to."""
    match change.kind:
        case "policy" | "code":
            return change.kind, "", ""
        case "step":
            return ("tasks", "", change.name) if _is_of_task(change) else ("code", "", "")
        case "package" | "python" | "system":
            kind = _kind_of_environment(change, fresh=fresh)
            return kind, "" if kind == "code" else change.environment or "", ""
    return "artifact", change.name, change.step or PARAMETERS


def _kind_of_environment(change: Change, *, fresh: bool) -> ProposalKind:
    if change.environment is None:
        return "system"
    if change.kind == "python" and change.change != "changed":
        return "code"  # the decorators of a step declare the environment
    is_of_lock = change.declared or _is_of_lock(change)
    return "requirements" if is_of_lock and not fresh else "environment"


def _is_of_lock(change: Change) -> bool:
    """Return whether a change is about the platform of a lock, not about a package `lock`."""
    return change.kind == "system" and change.name == "lock" and " " in (change.old or "")


def _recording_needed(
    kind: ProposalKind, changes: Iterable[Change], baseline: Recording, check: LastCheck
) -> str | None:
    if baseline.merged:
        return "the baseline is a git merge of several recordings"
    reasons: Iterable[str | None] = ()
    match kind:
        case "policy":
            reasons = [_policy_reason(baseline, check)]
        case "code":
            reasons = [_code_reason(changes)]
        case "requirements":
            reasons = ["the requirements must be resolved into a new lock"]
        case "environment" if check.fresh and check.wheelhouse:
            reasons = ["the wheels of the new lock are not in the wheelhouse"]
        case "artifact" | "tasks":
            reasons = (_value_reason(change, baseline, check.observed) for change in changes)
    return next(filter(None, reasons), None)


def _code_reason(changes: Iterable[Change]) -> str | None:
    added = [c.name for c in changes if c.kind == "step" and c.change == "added"]
    steps = f"step{'s' if len(added) > 1 else ''} {', '.join(added)}"
    return f"{steps}: {_UNKNOWN}" if added else None


def _policy_reason(baseline: Recording, check: LastCheck) -> str | None:
    """Return why a policy needs a recording: the lock was resolved with other conda settings."""
    then, now = baseline.policy, check.observed.policy
    conda = then.conda_from_pypi != now.conda_from_pypi or then.conda_channels != now.conda_channels
    return "the lock was resolved with other conda settings" if conda and not check.fresh else None


def _value_reason(change: Change, baseline: Recording, observed: Recording) -> str | None:
    step = change.step or PARAMETERS
    if change.change == "unread":
        return "it could be read on one side only"
    if change.change == "changed" and change.determinism == "nondeterministic":
        return "it is nondeterministic in the baseline, which has no value of it"
    if change.change != "added":
        return None
    names = [change.name]
    if change.kind == "step":
        names = [
            artifact.name
            for task in observed.tasks
            if (task.step, task.index) == (step, change.index)
            for artifact in task.artifacts
        ]
    kinds = ({a.determinism for a in siblings(baseline, step, name)} for name in names)
    return None if all(len(of_siblings) == 1 for of_siblings in kinds) else _UNKNOWN
