"""Values of a comparison, as reports show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pytest_flowrepro.model.recording import Determinism

ChangeKind: TypeAlias = Literal[
    "policy", "code", "package", "python", "system", "parameter", "step", "artifact"
]
Verdict: TypeAlias = Literal["reproduced", "drifted", "recorded", "no baseline", "error"]
RecordedAs: TypeAlias = Literal["created", "updated", "unchanged"]
"""The effect of a recording on the baseline's files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One difference between a baseline and an observation."""

    kind: ChangeKind
    change: Literal["added", "removed", "changed", "unread"]
    """unread: an artifact that could be read on one side only, for a reason of that machine;
    that is an error and not drift."""
    name: str
    """The file, package, parameter, step or artifact; for the policy the pattern, variable,
    parameter, config or glob, or the setting itself."""
    old: str | None
    new: str | None
    """One line each, short enough for a terminal; None for a missing side."""
    gated: bool
    environment: str | None = None
    step: str | None = None
    index: tuple[int, ...] | None = None
    explanation: tuple[str, ...] = ()
    """Lines that show where the difference is inside the value."""
    determinism: Determinism = "deterministic"
    within: str | None = None
    """`max 3.1e-9` if the difference is within a tolerance; it is then not gated."""
    origin: Literal["first", "derived"] | None = None
    """For an artifact, parameter or task: whether no earlier task differs (first), or one does."""
    tasks: tuple[int, int] | None = None
    """In a foreach: the number of tasks that this change represents, and of all tasks. A
    comparison yields one change per task; in reports for people, tasks that differ alike are
    one change with the `index` of the first."""
    setting: str | None = None
    """For the policy: the key in the configuration, `ignore`."""
    weakens: bool = False
    """For the policy: whether a check may fail less often with it."""
    accepted_by: str | None = None
    """The plugin, such as a conftest.py, that accepted it; it is then not gated."""
    declared: bool = False
    """For a package: whether it is about requirements, not about the contents of an environment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowReport:
    """The results of one session for one flow, which every report format renders."""

    file: str
    """The flow's file relative to the project, with `/`."""
    flow: str
    case: str | None
    verdict: Verdict
    seconds: tuple[tuple[str, float], ...]
    """Wall-clock seconds of each stage, in the order of the pipeline."""
    changes: tuple[Change, ...]
    """For a recording, the differences from the baseline that it replaced."""
    recorded: RecordedAs | None = None
    """None for a check."""
    nondeterministic: int = 0
    """The number of artifacts that the baseline marks as nondeterministic; they are shown, not
    gated."""
    notes: tuple[str, ...] = ()
    """Sentences for the report: different conditions of this run, dependence on the hash seed."""
    error: str | None = None
    """The message of a `FlowReproError`, when the verdict is `error` or `no baseline`."""
