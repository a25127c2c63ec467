"""Values of a flow: its source, Metaflow's description of it, and its code package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_flowrepro.support.redaction import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_flowrepro.support.redaction import Redaction
    from pytest_flowrepro.support.strict_json import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowSource:
    """A flow that is started by its own file, found without importing it."""

    file: Path
    """Absolute, symlinks not resolved: Metaflow packages the folder that the user names."""
    name: str
    """The class name, which is also Metaflow's name for the flow."""
    lineno: int
    steps: tuple[str, ...]
    """Step names in the order of the source, base classes of local modules included."""


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
    code: str | None = field(default=None, compare=False)
    """A digest of the code that the step runs (pytest_flowrepro.discover.step_code), which says why
    a value changed; None if it is not known, as of a step that did not run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    name: str
    """The name on Metaflow's command line."""
    type: str
    """The class: Parameter, IncludeFile or Config."""
    required: bool
    """A run must give it a value."""
    default: str | None
    """Text; None without a default and for one that is computed when the flow is deployed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedFile:
    """A file that belongs to a flow because its code names it."""

    source: Path
    """Absolute; it may not exist."""
    place: str | None = None
    """Its path in the package, relative to the flow's folder, if a decorator or mutator sets it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowDescription:
    name: str
    steps: tuple[Step, ...]
    """Sorted topologically."""
    decorators: tuple[Decorator, ...]
    """The flow's own: @project, @schedule, @pypi_base, ..."""
    parameters: tuple[Parameter, ...]
    files: tuple[NamedFile, ...]
    """The files of IncludeFile and Config defaults, those that decorators and mutators add to
    the package, and the modules that Metaflow packages at their own request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeFile:
    """One file of a code package, as the manifest lists it."""

    path: str
    """Relative to the flow's folder, with `/`; `../` for a file outside of that folder."""
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


def flow_title(flow: str, case: str | None) -> str:
    """Return the name of a flow, or of one case of it, in messages and ids: `TrainFlow@small`.

    The same as the folder of its baseline. pytest takes `[...]` at the end of an id only.
    """
    return flow if case is None else f"{flow}@{case}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowProcess:
    """The start of a process of a flow: its interpreter, folder and environment variables."""

    flow: FlowSource
    """With the file that is run: that of the user, or that of a copy."""
    python: Path
    """The flow's own interpreter."""
    cwd: Path
    env: Mapping[str, str]
    """All of its environment variables."""
    timeout: float
    """Seconds."""
    redaction: Redaction = NOTHING
    """Hides secret values in the output of the process."""
