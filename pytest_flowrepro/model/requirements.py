"""Values of what a flow requires."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model.lock import PypiLock


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
    locked: PypiLock | None = None
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
        """Return what is declared of the resolution; its lines are those that name versions."""
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
