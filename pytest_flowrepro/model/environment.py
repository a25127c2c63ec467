"""Values of environments and of the machine below them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model.lock import Lock
    from pytest_flowrepro.model.requirements import Constraints, LocalPackage


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


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, as a manifest names it: `cpython 3.11.7`."""

    implementation: str
    """As `sys.implementation.name` has it."""
    version: str
    """Of all three parts, or as far as somebody asks for one: `3.12`."""

    @classmethod
    def parse(cls, text: str) -> Interpreter:
        """Return what a manifest names. Raises `ValueError` for another text."""
        implementation, _, version = text.partition(" ")
        if not implementation or not version or " " in version:
            raise ValueError(text)
        return cls(implementation, version)

    @property
    def minor(self) -> str:
        """`3.11`."""
        return ".".join(self.version.split(".")[:2])

    def __str__(self) -> str:
        return f"{self.implementation} {self.version}"


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
    python: Interpreter
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
