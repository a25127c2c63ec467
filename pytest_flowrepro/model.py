"""The frozen values that flow through the pipeline. No I/O here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_flowrepro.patterns import NO_PATTERNS, Patterns

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.support.strict_json import Json

# --- what the source text says (discover) ---------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowSource:
    """A flow that its own file starts, found without importing it."""

    file: Path
    """Absolute, symlinks not resolved: Metaflow packages the folder that the user names."""
    name: str
    """The class name, which is also what Metaflow calls the flow."""
    lineno: int
    steps: tuple[str, ...]
    """Step names in the order of the source, base classes of local modules included."""


# --- what Metaflow says (describe) ----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Decorator:
    name: str
    attributes: Json
    """Resolved: after configs and mutators, as Metaflow itself sees them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    name: str
    type: str
    """Metaflow's node type: start, linear, split, foreach, split-switch, join, end."""
    next: tuple[str, ...]
    decorators: tuple[Decorator, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    name: str
    """The name on Metaflow's command line."""
    type: str
    """The class: Parameter, IncludeFile or Config."""
    required: bool
    """A run must give it a value."""
    default: str | None
    """As text; None without a default and for one that is computed when the flow is deployed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedFile:
    """A file that belongs to a flow because the flow itself says so."""

    source: Path
    """Absolute; it may not exist."""
    place: str | None = None
    """Where a decorator or mutator puts it in the package, relative to the flow's folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowDescription:
    name: str
    steps: tuple[Step, ...]
    """In topological order."""
    decorators: tuple[Decorator, ...]
    """The flow's own: @project, @schedule, @pypi_base, ..."""
    parameters: tuple[Parameter, ...]
    files: tuple[NamedFile, ...]
    """What IncludeFile and Config defaults name, what decorators and mutators add to the package,
    and the modules that Metaflow packages because they ask for it."""


# --- numbers --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericProfile:
    """What numerical libraries would take from the machine, and take from the configuration."""

    threads: int | None = 1
    """Of each library in each task; None: as many as the machine has processors."""
    cpu: str | None = "x86-64-v3"
    """The level whose instructions they may use, one of `CPU_LEVELS`; None: the machine's."""


DEFAULT_PROFILE = NumericProfile()


@dataclass(frozen=True, kw_only=True, slots=True)
class Numerics:
    """What an environment computes with, as its own numpy and scipy say."""

    features: tuple[str, ...] = ()
    """CPU features that its numpy has code for and that this machine has, by numpy's names."""
    blas: tuple[tuple[str, str], ...] = ()
    """Distribution -> name and version of its BLAS: `numpy`, `scipy-openblas 0.3.31`."""


# --- code -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeFile:
    """One file of a code package, as the manifest lists it."""

    path: str
    """Relative to the flow's folder, with `/`; `../` where the file lies beside that folder."""
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CodePackage:
    root: Path
    """The project folder on this machine; every packaged file is placed relative to it."""
    flow: str
    """The flow's file, relative to `root`, with `/`."""
    files: tuple[CodeFile, ...]
    """Sorted by path."""
    archive: Path
    """An uncompressed tar, the same bytes for the same files; its names are relative to `root`."""


# --- environments ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFolder:
    """A folder of the repository that somebody requires as a package."""

    folder: Path
    """Absolute; that of its pyproject.toml, setup.cfg or setup.py."""
    extras: tuple[str, ...] = ()
    itself: bool = False
    """The project that declares the requirements: they are its dependencies already, and it need
    not be a package."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPackage:
    """A package of the repository itself: importable from where it lies, never installed."""

    name: str
    """Canonical (PEP 503)."""
    version: str | None
    """None where only its build backend knows it."""
    path: str
    """The folder that is put on Python's path, relative to the project, with `/`."""
    modules: tuple[str, ...]
    """Its modules and import packages in there, relative to the project, with `/`."""
    entry_points: str = ""
    """As an entry_points.txt has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraints:
    """A file that says which versions may be taken, and that asks for nothing itself.

    A constraints file, or a lock of the project's own.
    """

    file: str
    """Relative to the project, with `/`."""
    digest: str
    """`sha256:...` over the sorted lines."""
    lines: tuple[str, ...] = field(default=(), compare=False)
    """PEP 508, as the file has them today; a baseline keeps the digest alone."""

    @classmethod
    def of(cls, file: str, lines: tuple[str, ...]) -> Constraints:
        content = "".join(f"{line}\n" for line in sorted(lines))
        digest = "sha256:" + hashlib.sha256(content.encode()).hexdigest()
        return cls(file=file, digest=digest, lines=lines)


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """A package index that a declaration names, as `[[tool.uv.index]]` does."""

    name: str | None
    url: str
    """Absolute, also where it is a path."""
    settings: tuple[tuple[str, object], ...] = ()
    """How it is asked, by uv's keys: `format`, `authenticate`, `default`, ..."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexSource:
    """A package that a declaration takes from one index (`[tool.uv.sources]`)."""

    package: str
    """Canonical (PEP 503)."""
    index: Index
    written: str
    """The address as the declaration has it, without credentials."""
    marker: str | None = None
    """Where it is taken from there (PEP 508); None: everywhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """How a declaration is to be resolved, as its `[tool.uv]` says."""

    source: str
    """`pyproject.toml [tool.uv]`, `flows/train.py (PEP 723) [tool.uv]`."""
    constraints: tuple[str, ...] = ()
    """PEP 508."""
    environments: tuple[str, ...] = ()
    """Markers (PEP 508), one of which holds wherever the lock is used; none: everywhere."""
    settings: tuple[tuple[str, str], ...] = ()
    """By uv's keys, each value in TOML: `override-dependencies`, `exclude-newer`, ..."""
    indexes: tuple[Index, ...] = ()
    """Those that are asked for every package."""

    @property
    def lines(self) -> tuple[str, ...]:
        return (
            *(f"constraint-dependencies: {line}" for line in self.constraints),
            *(f"environments: {marker}" for marker in self.environments),
            *(f"{key} = {value}" for key, value in self.settings),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPackages:
    """What is to come from conda, as an environment.yml writes it."""

    specs: tuple[str, ...]
    """`numpy=1.26`, `conda-forge::six>=1.15`, `python=3.11`."""
    channels: tuple[str, ...]
    """Names or URLs, the first has the highest priority; none where the file names none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What a flow declares that it needs, before anything is resolved."""

    lines: tuple[str, ...]
    """PEP 508, one each, Metaflow among them."""
    source: str
    """Where they were declared, for messages: `requirements.txt`, `train.py (PEP 723)`, ..."""
    requires_python: str | None = None
    """A specifier set that the declaration gives, as PEP 723 does."""
    constraints: tuple[Constraints, ...] = ()
    locked: Lock | None = None
    """Where the declaration is a lock itself: nothing is resolved, unless as of a day."""
    folders: tuple[LocalFolder, ...] = ()
    """What of the repository itself is required, by its folder."""
    local: tuple[LocalPackage, ...] = ()
    """What `folders` have come to; what these packages require is among the `lines`."""
    conda: CondaPackages | None = None
    """What the environment begins with; the `lines` are added to that."""
    given: tuple[tuple[str, str], ...] = ()
    """Names and versions of distributions that are there already, and which a lock then has with
    the local version `conda`."""
    notes: tuple[str, ...] = ()
    """What a report says of them each time."""
    sources: tuple[IndexSource, ...] = ()
    resolution: Resolution | None = None

    @property
    def indexes(self) -> tuple[Index, ...]:
        """The indexes that the declaration names, each once; those of single packages first."""
        plain = self.resolution.indexes if self.resolution else ()
        return tuple(dict.fromkeys((*(one.index for one in self.sources), *plain)))

    @property
    def narrowed_by(self) -> tuple[Constraints, ...]:
        """What another lock may come of although the same is required."""
        if self.locked is None:
            of_uv = self._settings()
            return (*self.constraints, of_uv) if of_uv else self.constraints
        return (Constraints.of(self.source, self.locked.pins),)

    def _settings(self) -> Constraints | None:
        """What is declared of the resolution; its lines are those that name versions."""
        found = self.resolution
        lines = [
            *(found.lines if found else ()),
            *(f"sources.{one.package} = {one.written} ; {one.marker}" for one in self.sources),
        ]
        if not lines:
            return None
        name = found.source if found else f"{self.source} [tool.uv]"
        constraints = found.constraints if found else ()
        return replace(Constraints.of(name, tuple(lines)), lines=constraints)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A requirements file with a version and every hash for each package, without index URLs; of
    conda packages an explicit list of archives, each with its hash; or the second, and then the
    first (`pytest_flowrepro.lock_file`).
    """

    text: str
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What a report says of a lock that was just made; a baseline does not keep them."""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def pins(self) -> tuple[str, ...]:
        """Each package with its version and marker, without hashes."""
        lines = (line.removesuffix("\\").rstrip() for line in self.text.splitlines())
        return tuple(line for line in lines if line and not line.startswith((" ", "#")))


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One installed distribution."""

    name: str
    """Canonical (PEP 503)."""
    version: str
    record: str
    """`sha256:...` over what the wheel brought, from RECORD, free of this machine's paths; of a
    conda package, the hash of its archive."""
    via: tuple[str, ...]
    """Which distributions require it; empty when the flow itself asks for it."""
    direct_url: str | None = None
    wheel: str | None = None
    """The tags of the wheel that it came as, `cp311-cp311-manylinux_2_28_x86_64`; of a package of
    conda's its platform and build, `linux-64/py311h64a7726_0`. None where the wheel, or an older
    baseline, does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """What an environment holds: the part of the manifest that a check compares."""

    name: str
    """`base` for the flow's own."""
    python: str
    """Implementation and version: `cpython 3.11.7`."""
    packages: tuple[Package, ...]
    """Sorted by name."""
    lock: Lock
    requirements: tuple[str, ...] = ()
    """What the flow declares, PEP 508 lines, sorted; when checking, what it declares today."""
    constraints: tuple[Constraints, ...] = ()
    """What narrows that, sorted by file; when checking, what does so today."""
    steps: tuple[str, ...] = ()
    """The steps that run in it, in topological order; none for `base`, where all others run."""
    imported: tuple[str, ...] = field(default=(), compare=False)
    """The distributions that the flow's own code imports there, sorted, Metaflow left out. Known
    after a rerun only, so that two environments are equal without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltEnvironment:
    """An `Environment` that stands on this machine, ready to run."""

    path: Path
    python: Path
    manifest: Environment
    local: tuple[LocalPackage, ...] = ()
    """What a flow that runs there finds on Python's path beside it."""
    notes: tuple[str, ...] = ()
    """What a person should know of what was asked for, and of how it was built."""
    numerics: Numerics = Numerics()


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """The layers below: shown when they differ, not gated unless asked."""

    platform: str
    machine: str
    libc: str
    processors: int | None = field(default=None, compare=False)
    """Of the machine."""
    usable: int | None = field(default=None, compare=False)
    """The processors that this process may use; a baseline does not store them."""
    level: str | None = field(default=None, compare=False)
    """Of its CPU (`pytest_flowrepro.support.hardware`); None where that is not known."""
    numeric: NumericProfile | None = field(default=None, compare=False)
    """What the reruns had: that of the policy, and the CPU level of the machine if it is below."""
    blas: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(default=(), compare=False)
    """Environment -> what its libraries compute with (`Numerics.blas`), where they have any."""


# --- what the configuration says (settings) --------------------------------------------

Gate: TypeAlias = Literal["environment", "artifacts", "policy", "code", "system", "nondeterminism"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The settings that a verdict depends on, as a baseline stores them.

    Texts are free of credentials in URLs, and numbers that JSON has no form for are
    `{"$float": "nan"}`.
    """

    fail_on: frozenset[Gate]
    patterns: Patterns = NO_PATTERNS
    env: tuple[tuple[str, str | None], ...] = ()
    """Name and literal value of each variable, sorted; None for the value of the environment."""
    parameters: tuple[tuple[str, Json], ...] = ()
    """By the name that Metaflow's command line gives them, sorted."""
    configs: tuple[tuple[str, Json], ...] = ()
    include: tuple[str, ...] = ()
    """Sorted."""
    cwd: str | None = None
    after: tuple[str, ...] = ()
    encoders: CodeFile | None = None
    conda_from_pypi: bool = False
    conda_channels: tuple[str, ...] = ()
    """In the order of their priority."""
    numeric: NumericProfile = DEFAULT_PROFILE


# --- what a rerun gave ----------------------------------------------------------------

Determinism: TypeAlias = Literal["deterministic", "machine", "hash-seed", "nondeterministic"]
"""deterministic: the same under any hash seed and on any machine. machine: the same under the
numeric profile, which every check runs under. hash-seed: the same under hash seed 0, likewise.
nondeterministic: differs between two runs under the same conditions."""


PARAMETERS = "_parameters"
"""Metaflow's pseudo step, which sets them."""

FULL_VALUES = 100_000_000
"""Bytes of a value, uncompressed, that a file may hold: git's hosts take no larger files."""


def value_file(digest: str) -> str:
    """Return the name of the file that holds the value of this digest, whole."""
    return digest.removeprefix("sha256:")[:16] + ".npz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    name: str
    type: str
    """The class of the value, qualified unless a builtin: `int`, `pandas.DataFrame`."""
    digest: str
    """`sha256:...` of the canonical form; equal values have equal digests."""
    value: Json
    """A readable form of the value, cut short where it is large (docs/reference/values.md)."""
    opaque: bool = False
    """Known by its pickle bytes only."""
    determinism: Determinism = "deterministic"
    structure: str | None = None
    """A digest of what the readable form does not show (docs/reference/values.md); None for values
    that it shows all of."""
    sha: str | None = None
    """Of the pickle, from Metaflow's own: where it is equal in an equal environment, the value is
    equal. Only of large ones."""
    stored: Path | None = field(default=None, compare=False)
    """A file with the whole value (docs/reference/values.md), where it is kept whole."""

    @property
    def unread(self) -> str | None:
        """Why it could not be read by the process that did it, although it may be elsewhere: it
        took too long, or too much memory, or ended the process.
        """
        match self.value:
            case {"$opaque": str(why)} if self.opaque and why.startswith("cannot be loaded: "):
                return why
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What one task set or changed. Keyed by step and foreach index, never by a task id."""

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
    """What one task printed, cut in the middle when long, and how it ended."""

    step: str
    index: tuple[int, ...]
    ok: bool
    attempts: int
    """1, unless @retry or @catch gave it more."""
    written: tuple[str, ...]
    """Files that its Python code opened for writing, absolute; a C library's are not seen."""
    stdout: str
    """Of the last attempt."""
    stderr: str
    modules: tuple[str, ...] = ()
    """Installed modules that were loaded when it ended: `pandas`, `google.auth`."""
    sources: tuple[str, ...] = ()
    """Files of the code package that were loaded as modules, relative to the project, with `/`."""
    drawn: tuple[str, ...] = ()
    """The global random generators that it took numbers from, each with a digest of its state."""

    @property
    def title(self) -> str:
        return task_title(self.step, self.index)


def task_title(step: str, index: tuple[int, ...]) -> str:
    """A task in messages: `train[0, 2]`; `end` outside a foreach."""
    return f"{step}{list(index) if index else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """What was read back from the datastore of one rerun."""

    parameters: tuple[Artifact, ...]
    """Parameters, configs and class constants, by attribute name, as the run began with them."""
    tasks: tuple[Task, ...]
    """Sorted by step in topological order, then by index."""
    logs: tuple[TaskLog, ...]
    encoders: tuple[tuple[str, bool], ...] = ()
    """Class for which the project has an encoder, and whether any artifact needed it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A rerun that has ended, well or not; its datastore is still there."""

    flow: str
    run_id: str | None
    """None when Metaflow never came as far as starting the run."""
    datastore: Path
    observed: Path
    """A folder with one JSON file per task attempt, written by the extension."""
    returncode: int
    timed_out: bool
    output: str
    """Metaflow's own output, cut in the middle when long."""
    seconds: float
    ended: tuple[str, ...] = ()
    """Command lines, short and redacted, of the processes that were ended by force."""

    @property
    def ok(self) -> bool:
        return self.returncode == 0 and not self.timed_out


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """What was observed of one flow, and what its baseline stores."""

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
    """How many reruns the determinism of the artifacts rests on."""
    merged: bool = field(default=False, compare=False)
    """Of a baseline that git merged out of several recordings: no rerun gave it as a whole."""

    @property
    def title(self) -> str:
        return flow_title(self.flow, self.case)


def flow_title(flow: str, case: str | None) -> str:
    """Return how a flow, or one case of it, is called in messages: `TrainFlow[small]`."""
    return f"{flow}[{case}]" if case else flow


# --- what a comparison gave -----------------------------------------------------------

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
