"""Values of a run and of its recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_flowrepro.model.flow import CodeFile, Step, flow_title

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model.environment import Environment, System
    from pytest_flowrepro.model.policy import Policy
    from pytest_flowrepro.support.ending import Ending
    from pytest_flowrepro.support.strict_json import Json

Determinism: TypeAlias = Literal["deterministic", "machine", "hash-seed", "nondeterministic"]
"""deterministic: the same under any hash seed and on any machine. machine: the same under the
numeric profile, which every check uses. hash-seed: the same under hash seed 0, likewise.
nondeterministic: differs between two runs under the same conditions."""


PARAMETERS = "_parameters"
"""Metaflow's pseudo step that sets parameters."""

FULL_VALUES = 100_000_000
"""The largest value, in bytes, that is stored in a file: git hosts do not accept larger files."""


def value_file(digest: str) -> str:
    """Return the name of the file that stores the full value of this digest."""
    return digest.removeprefix("sha256:")[:16] + ".npz"


def picture_file(digest: str) -> str:
    """Return the name of the file with a small picture of the value of this digest."""
    return digest.removeprefix("sha256:")[:16] + ".png"


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    name: str
    type: str
    """The class of the value, qualified unless a builtin: `int`, `pandas.DataFrame`."""
    digest: str
    """`sha256:...` of the canonical form; equal values have equal digests."""
    value: Json
    """A readable form of the value, shortened if it is large (docs/reference/values.md)."""
    opaque: bool = False
    """Compared by its pickle bytes only."""
    unread: bool = False
    """Opaque because loading it exceeded a time or memory limit, or ended the process; it may be
    readable on another machine."""
    determinism: Determinism = "deterministic"
    structure: str | None = None
    """A digest of the parts that the readable form does not show (docs/reference/values.md);
    None for values that it shows completely."""
    sha: str | None = None
    """Metaflow's digest of the pickle: if it is equal in an equal environment, the value is
    equal. Only for large values."""
    stored: Path | None = field(default=None, compare=False)
    """A file with the full value (docs/reference/values.md), if it is stored."""
    picture: Path | None = field(default=None, compare=False)
    """A PNG file of an image or a figure, made smaller."""

    @property
    def opaque_reason(self) -> str | None:
        """Return why only the pickle bytes are known; None if the value is."""
        match self.value:
            case {"$opaque": str(reason)} if self.opaque:
                return reason
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """The artifacts that one task set or changed.

    It is keyed by step and foreach index, never by a task id.
    """

    step: str
    index: tuple[int, ...]
    """The foreach index path, outermost first; empty outside a foreach."""
    artifacts: tuple[Artifact, ...]
    """Sorted by name."""

    @property
    def title(self) -> str:
        return task_title(self.step, self.index)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLog:
    """The output of one task, cut in the middle when long, and how it ended."""

    step: str
    index: tuple[int, ...]
    ok: bool
    attempts: int
    """1, or more with @retry or @catch."""
    written: tuple[str, ...]
    """Files that its Python code opened for writing, absolute; those of C libraries are not
    seen."""
    stdout: str
    """Standard output of the last attempt."""
    stderr: str
    modules: tuple[str, ...] = ()
    """Installed modules that were loaded when it ended: `pandas`, `google.auth`."""
    sources: tuple[str, ...] = ()
    """Files of the code package that were loaded as modules, relative to the project, with `/`."""
    signal: str | None = None
    """The name of the signal that ended its process, `SIGKILL`."""
    drawn: tuple[str, ...] = ()
    """The global random generators that it took numbers from, each with a digest of its state."""

    @property
    def title(self) -> str:
        return task_title(self.step, self.index)


def task_title(step: str, index: tuple[int, ...]) -> str:
    """Return the name of a task in messages: `train[0, 2]`; `end` outside a foreach."""
    return f"{step}{list(index) if index else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A card that a task left."""

    step: str
    index: tuple[int, ...]
    type: str
    id: str | None
    state: Literal["rendered", "failed"]
    """failed: Metaflow stored its error card in place of the one that did not render."""
    page: str | None = field(default=None, compare=False)
    """The path of its HTML, without secrets; None if no report shows it, or if it is too large."""

    @property
    def title(self) -> str:
        """The task, and the card as its artifact is named."""
        card = ", ".join(filter(None, (self.type, self.id)))
        failed = " (failed)" if self.state == "failed" else ""
        return f"{task_title(self.step, self.index)} @card({card}){failed}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """The values read from the datastore of one rerun."""

    parameters: tuple[Artifact, ...]
    """Parameters, configs and class constants, by attribute name, as the run began with them."""
    tasks: tuple[Task, ...]
    """Sorted by step in topological order, then by index."""
    logs: tuple[TaskLog, ...]
    encoders: tuple[tuple[str, bool], ...] = ()
    """Classes for which the project has an encoder, and whether any artifact needed it."""
    cards: tuple[Card, ...] = ()
    """Sorted as the tasks are, then in the order of the decorators; without missing ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A finished rerun, successful or not, whose datastore still exists."""

    flow: str
    run_id: str | None
    """None if Metaflow failed before it started the run."""
    datastore: Path
    observed: Path
    """A folder with one JSON file per task attempt, written by the extension."""
    ending: Ending
    output: str
    """Metaflow's own output, cut in the middle when long."""
    seconds: float
    ended: tuple[str, ...] = ()
    """Command lines, shortened and redacted, of the processes that were killed."""

    @property
    def ok(self) -> bool:
        return self.ending.ok


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """The observations of one flow, as its baseline stores them."""

    flow: str
    case: str | None
    code: tuple[CodeFile, ...]
    environments: tuple[Environment, ...]
    system: System
    policy: Policy
    steps: tuple[Step, ...]
    parameters: tuple[Artifact, ...]
    tasks: tuple[Task, ...]
    runs: int
    """The number of reruns behind the determinism of the artifacts."""
    merged: bool = field(default=False, compare=False)
    """True for a baseline that git merged from several recordings: no single rerun produced it."""

    @property
    def title(self) -> str:
        return flow_title(self.flow, self.case)
