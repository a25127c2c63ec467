"""Values of a comparison, as reports show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from pytest_flowrepro.model.pictures import Picture
    from pytest_flowrepro.model.recording import Card, Determinism

ChangeKind: TypeAlias = Literal[
    "policy", "code", "package", "python", "system", "parameter", "step", "artifact"
]
Verdict: TypeAlias = Literal[
    "resolved",
    "environment reproduced",
    "code compared",
    "reproduced",
    "accepted",
    "recorded",
    "drifted",
    "no baseline",
    "error",
]
"""resolved: the packages were resolved again, and nothing was rerun. environment reproduced: the
environments were rebuilt, and nothing was rerun. code compared: nothing else was selected.
reproduced: the selected part of what was rerun has no gated difference. accepted: it has one, which
the project accepts."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""The best first: the verdict on a flow is the last of those of its tests."""

PASSING: frozenset[Verdict] = frozenset(VERDICTS[: VERDICTS.index("drifted")])
"""The verdicts of tests that pass."""

StepState: TypeAlias = Literal[
    "origin", "downstream", "unchanged", "added", "removed", "failed", "not reached", "not compared"
]
"""origin: no task before those of the step differs, and one of the step's does. downstream: a task
before them differs, too. not compared: nothing was rerun, or a recording has no baseline."""
RecordedAs: TypeAlias = Literal["created", "updated", "unchanged"]
"""The effect of a recording on the baseline's files."""


Command: TypeAlias = Literal["check", "record", "diff"]
CauseKind: TypeAlias = Literal["code", "input", "environment", "policy", "unexplained"]
"""code: source or decorators of a step. input: a parameter or config. environment: packages,
interpreter or machine. unexplained: nothing that is known changed before the artifacts did."""


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
    cause: CauseKind | None = None
    """For a "first" one: the kind of its cause, as far as that is known."""
    loaded: bool | None = None
    """For a code file: whether the rerun loaded it as a module; None if nothing was rerun."""
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
    via: tuple[str, ...] = ()
    """For a package: the packages that require it; empty if the flow requires it itself."""
    link: str | None = None
    """For a package: the URL of its changelog or project, else of its version on PyPI."""
    pictures: tuple[Picture, ...] = ()
    """For an artifact or parameter: the difference as data for drawings, if a report can draw."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A reason for the changes of a flow."""

    kind: CauseKind
    text: str
    """A phrase: `code of step train changed`, `2 packages changed: numpy 2.4.5 -> 2.4.6, ...`."""
    steps: tuple[str, ...] = ()
    """The steps whose artifacts it changed first; empty if it changed none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphStep:
    """One step in the graph of a flow, and how it compares with the baseline."""

    name: str
    type: str
    """Metaflow's node type: start, linear, split, foreach, split-switch, join, end."""
    next: tuple[str, ...]
    state: StepState


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowReport:
    """The results of one session for one flow."""

    file: str
    """The flow's file relative to the project, with `/`."""
    flow: str
    case: str | None
    verdict: Verdict
    seconds: tuple[tuple[str, float], ...]
    """Wall-clock seconds of each stage, in the order of the pipeline."""
    changes: tuple[Change, ...]
    """For a recording, the differences from the baseline that it replaced."""
    causes: tuple[Cause, ...] = ()
    """The causes of the changes, the most direct ones first."""
    recorded: RecordedAs | None = None
    """None for a check."""
    nondeterministic: int = 0
    """The number of artifacts that the baseline marks as nondeterministic; they are shown, not
    gated."""
    notes: tuple[str, ...] = ()
    """Sentences for the report: different conditions of this run, dependence on the hash seed."""
    error: str | None = None
    """The message of a `FlowReproError`, when the verdict is `error` or `no baseline`."""
    selected: tuple[str, ...] = ()
    """The tests of the flow that the session selected: `code`, `environment`, `step[NAME]`."""
    tests: int = 0
    """The number of its tests, selected or not; 0 for a comparison of baselines."""
    after: tuple[str, ...] = ()
    """The flows that ran before it, as `flows/ingest.py::IngestFlow`."""
    graph: tuple[GraphStep, ...] = ()
    """The steps in topological order; empty if nothing is known of them."""
    cards: tuple[Card, ...] = ()
    """The cards of the rerun, of the selected steps."""

    @property
    def is_rerun(self) -> bool:
        """False if its environments were rebuilt or resolved, and nothing else."""
        return any(stage == "rerun" for stage, _ in self.seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """The circumstances of a session, or of a comparison of baselines."""

    command: Command
    version: str
    """The version of pytest-flowrepro."""
    date: str
    """The time of its end, in UTC: `2026-11-29T15:30:50Z`."""
    platform: str
    """The name by `platform.platform()`: `Linux-6.1.0-x86_64-with-glibc2.36`."""
    python: str
    """The interpreter of pytest: `CPython 3.11.7`. Flows have their own."""
    commit: str | None = None
    """The commit that is checked out; None outside of git."""
    branch: str | None = None
    """None if no branch is checked out."""
    is_modified: bool = False
    """True if files under git are not as the commit has them."""
    folder: str = ""
    """The folder of the project in its repository, with `/`: `models/churn`. Empty if it is the
    repository's own, and outside of git."""
    resolution: Literal["locked", "fresh"] | None = None
    """locked: environments come from the recorded locks. fresh: they were resolved again. None for
    `diff`, and for a recording that keeps locks where it can."""
    selection: tuple[str, ...] = ()
    """The arguments and options that select tests; empty for all tests of the project."""
    base: str | None = None
    """For `diff`: the side that is compared with, and the other one."""
    head: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Obsolete:
    """A baseline whose flow or case is gone."""

    folder: str
    """The folder relative to the project, with `/`."""
    reason: str
    """A clause, such as `flows/train.py does not exist`."""

    @property
    def text(self) -> str:
        return f"obsolete baseline {self.folder}: {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Uncollected:
    """A file whose flows are not known, because it could not be read."""

    file: str
    """The file relative to the project, with `/`."""
    error: str
    """A sentence, and lines that explain it."""

    @property
    def text(self) -> str:
        return f"{self.file} could not be collected: {self.error.splitlines()[0]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitFlow:
    """A flow, or a case of it, that was split among shards with others."""

    file: str
    flow: str
    case: str | None
    shard: int
    """The number of the shard that checks it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """The part of the selected flows that a session checked, for the merged report of all parts."""

    number: int
    """Counted from 1."""
    count: int
    flows: tuple[SplitFlow, ...]
    """All flows that were split, sorted by file, name and case."""
    obsolete: tuple[Obsolete, ...] = ()
    """The obsolete baselines of the project, if the shards together check all of it."""
    unused_patterns: tuple[str, ...] = ()
    """The patterns of the project that no flow of this shard needed, in the same case."""
    strict: bool = False
    """True if an obsolete baseline fails the merge, as it fails a session of all flows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The results of a session, or of a comparison of baselines, for every report format."""

    flows: tuple[FlowReport, ...]
    """Sorted by file, name and case."""
    run: RunInfo
    obsolete: tuple[Obsolete, ...] = ()
    unused_patterns: tuple[str, ...] = ()
    """The patterns of the project, with their setting, that no flow needed."""
    uncollected: tuple[Uncollected, ...] = ()
    shard: Shard | None = None
    """None if the session checked all flows that it selected."""
