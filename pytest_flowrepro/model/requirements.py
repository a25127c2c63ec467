"""Values of a flow's requirements."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_flowrepro.model.lock import PypiLock


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """A requirement (PEP 508) as it is written, which a baseline keeps, and parsed.

    Raises `packaging.requirements.InvalidRequirement` for a text that is not one.
    """

    text: str
    parsed: Requirement = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parsed", Requirement(self.text))

    @property
    def name(self) -> str:
        """Canonical (PEP 503)."""
        return canonicalize_name(self.parsed.name)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFolder:
    """A folder of the repository that is required as a package."""

    folder: Path
    """Absolute; the folder of its pyproject.toml, setup.cfg or setup.py."""
    extras: tuple[str, ...] = ()
    itself: bool = False
    """True for the project that declares the requirements: these are its dependencies already,
    and it does not have to be a package."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPackage:
    """A package of the repository itself: imported from its folder, never installed."""

    name: str
    """Canonical (PEP 503)."""
    version: str | None
    """None if only its build backend knows it."""
    path: str
    """The folder that is put on Python's path, relative to the project, with `/`."""
    modules: tuple[str, ...]
    """Its modules and import packages in that folder, relative to the project, with `/`."""
    entry_points: str = ""
    """Entry points in the format of entry_points.txt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraints:
    """A file that constrains versions without requiring packages.

    It is a constraints file, or a lock of the project's own.
    """

    file: str
    """Relative to the project, with `/`."""
    digest: str
    """`sha256:...` over the sorted lines."""
    lines: tuple[RequirementLine, ...] = field(default=(), compare=False)
    """The lines of the file today; a baseline stores only the digest."""

    @classmethod
    def of(cls, file: str, lines: tuple[RequirementLine, ...]) -> Constraints:
        digest = digest_of_lines(line.text for line in lines)
        return cls(file=file, digest=digest, lines=lines)


def digest_of_lines(lines: Iterable[str]) -> str:
    content = "".join(f"{line}\n" for line in sorted(lines))
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """A package index that a declaration names, as `[[tool.uv.index]]` does."""

    name: str | None
    url: str
    """Absolute, even if it is a path."""
    settings: tuple[tuple[str, object], ...] = ()
    """Its properties by uv's keys: `format`, `authenticate`, `default`, ..."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexSource:
    """A package that a declaration takes from one index (`[tool.uv.sources]`)."""

    package: str
    """Canonical (PEP 503)."""
    index: Index
    written: str
    """The address in the declaration, without credentials."""
    marker: str | None = None
    """A marker (PEP 508) for the environments that use this source; None: all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """The resolution settings of a declaration, from its `[tool.uv]`."""

    source: str
    """`pyproject.toml [tool.uv]`, `flows/train.py (PEP 723) [tool.uv]`."""
    constraints: tuple[RequirementLine, ...] = ()
    environments: tuple[str, ...] = ()
    """Markers (PEP 508), one of which holds in every environment of the lock; empty: any
    environment."""
    settings: tuple[tuple[str, str], ...] = ()
    """Settings by uv's keys, each value in TOML: `override-dependencies`, `exclude-newer`, ..."""
    indexes: tuple[Index, ...] = ()
    """Indexes for all packages."""

    @property
    def lines(self) -> tuple[str, ...]:
        return (
            *(f"constraint-dependencies: {line}" for line in self.constraints),
            *(f"environments: {marker}" for marker in self.environments),
            *(f"{key} = {value}" for key, value in self.settings),
        )


@dataclass(frozen=True, slots=True)
class CondaSpec:
    """A package in conda's syntax (a MatchSpec, CEP 29): `conda-forge::six>=1.15`."""

    package: str
    """Name, version and build: `six>=1.15`, `numpy 1.26.* py311_0`."""
    channel: str | None = None
    """A name or URL, which may have credentials."""

    @classmethod
    def parse(cls, text: str) -> CondaSpec:
        channel, separator, package = text.rpartition("::")
        return cls(package, channel if separator else None)

    @property
    def name(self) -> str:
        """In lower case, as conda compares it."""
        return self._name.lower()

    @property
    def version(self) -> str:
        """Everything after the name: `>=1.15`; empty for any version."""
        return self.package[len(self._name) :].strip()

    @property
    def _name(self) -> str:
        ends = (i for i, sign in enumerate(self.package) if sign in "=<>!~ [")
        return self.package[: next(ends, None)]

    def __str__(self) -> str:
        return self.package if self.channel is None else f"{self.channel}::{self.package}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPackages:
    """Requirements for conda, in the syntax of an environment.yml."""

    specs: tuple[CondaSpec, ...]
    """`numpy=1.26`, `conda-forge::six>=1.15`, `python=3.11`."""
    channels: tuple[str, ...]
    """Names or URLs, the first has the highest priority; empty if the file does not name any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """The requirements that a flow declares, before any resolution."""

    requirements: tuple[RequirementLine, ...]
    """Metaflow included."""
    source: str
    """The place of their declaration, for messages: `requirements.txt`, `train.py (PEP 723)`,
    ..."""
    declared: bool = True
    """False if nothing is declared: then Metaflow alone is required."""
    requires_python: str | None = None
    """A specifier set of the declaration, as in PEP 723."""
    constraints: tuple[Constraints, ...] = ()
    locked: PypiLock | None = None
    """The lock, if the declaration is one: nothing is resolved, unless as of a day."""
    folders: tuple[LocalFolder, ...] = ()
    """Folders of the repository that are required as packages."""
    local: tuple[LocalPackage, ...] = ()
    """The packages of `folders`; their requirements are among the `requirements`."""
    conda: CondaPackages | None = None
    """Conda packages that are installed first; the `requirements` are added to them."""
    given: tuple[tuple[str, str], ...] = ()
    """Names and versions of distributions that are already installed; a lock has them with the
    local version `conda`."""
    notes: tuple[str, ...] = ()
    """Notes for every report."""
    sources: tuple[IndexSource, ...] = ()
    resolution: Resolution | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The requirements as they are written."""
        return tuple(line.text for line in self.requirements)

    @property
    def indexes(self) -> tuple[Index, ...]:
        """Return the declared indexes without repetitions; those of single packages first."""
        plain = self.resolution.indexes if self.resolution else ()
        return tuple(dict.fromkeys((*(source.index for source in self.sources), *plain)))

    @property
    def constraint_sources(self) -> tuple[Constraints, ...]:
        """Return the sources, beyond the declared requirements, that affect the resolution."""
        if self.locked is None:
            of_uv = self._settings()
            return (*self.constraints, of_uv) if of_uv else self.constraints
        return (Constraints.of(self.source, tuple(map(RequirementLine, self.locked.pins))),)

    def _settings(self) -> Constraints | None:
        """Return the resolution settings; its lines are those that name versions."""
        resolution = self.resolution
        lines = [
            *(resolution.lines if resolution else ()),
            *(
                f"sources.{source.package} = {source.written} ; {source.marker}"
                for source in self.sources
            ),
        ]
        if not lines:
            return None
        name = resolution.source if resolution else f"{self.source} [tool.uv]"
        constraints = resolution.constraints if resolution else ()
        return Constraints(file=name, digest=digest_of_lines(lines), lines=constraints)
