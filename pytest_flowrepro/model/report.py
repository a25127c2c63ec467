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


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One difference between a baseline and what was observed."""

    kind: ChangeKind
    change: Literal["added", "removed", "changed", "unread"]
    """unread: an artifact of which one side could be read, and the other not on that machine; so
    nothing is known, which is an error and no drift."""
    name: str
    """The file, package, parameter, step or artifact; of the policy the pattern, variable,
    parameter, config or glob, or the setting itself."""
    old: str | None
    new: str | None
    """One line each, short enough for a terminal; None for what was not there."""
    gated: bool
    environment: str | None = None
    step: str | None = None
    index: tuple[int, ...] | None = None
    explanation: tuple[str, ...] = ()
    """Lines that say where inside the value the difference is."""
    determinism: Determinism = "deterministic"
    within: str | None = None
    """`max 3.1e-9` where a tolerance swallows all of the difference; it is then not gated."""
    origin: Literal["first", "derived"] | None = None
    """Of an artifact, parameter or task: whether no task before its own differs, or one does."""
    tasks: tuple[int, int] | None = None
    """In a foreach: how many tasks it stands for, and of how many. One, in what a comparison gives;
    people are shown those that differ alike as one, whose `index` is that of the first."""
    setting: str | None = None
    """Of the policy: the key in the configuration, `ignore`."""
    weakens: bool = False
    """Of the policy: whether a check may fail less often with it."""
    accepted_by: str | None = None
    """The plugin, such as a conftest.py, that accepted it; it is then not gated."""

    @property
    def declared(self) -> bool:
        """Whether it is about what the flow asks for, and not about what an environment holds."""
        return self.kind == "package" and self.name.startswith(("requirement ", "requirements in "))


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowReport:
    """What one session found out about one flow; every report format renders these."""

    file: str
    """The flow's file relative to the project, with `/`."""
    flow: str
    case: str | None
    verdict: Verdict
    seconds: tuple[tuple[str, float], ...]
    """Stage and the wall-clock seconds that it took, in the order of the pipeline."""
    changes: tuple[Change, ...]
    nondeterministic: int = 0
    """How many artifacts the baseline marks as nondeterministic: they are shown, not gated."""
    notes: tuple[str, ...] = ()
    """Sentences for the reader: what ran differently here, what depends on the hash seed."""
    error: str | None = None
    """The message of a `FlowReproError`, when the verdict is `error` or `no baseline`."""
