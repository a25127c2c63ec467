"""Values of environments and of the machine below them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_flowrepro.model.lock import Lock
    from pytest_flowrepro.model.requirements import Constraints, LocalPackage


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericProfile:
    """Properties that numerical libraries take from the configuration instead of the machine."""

    threads: int | None = 1
    """Threads per library and task; None: as many as the machine has processors."""
    cpu: str | None = "x86-64-v3"
    """The level whose instructions libraries may use, one of `CPU_LEVELS`; None: the machine's."""


DEFAULT_PROFILE = NumericProfile()


@dataclass(frozen=True, kw_only=True, slots=True)
class Numerics:
    """The numerical features of an environment, as its own numpy and scipy report them."""

    features: tuple[str, ...] = ()
    """CPU features that its numpy has code for and that this machine has, by numpy's names."""
    blas: tuple[tuple[str, str], ...] = ()
    """Distribution -> name and version of its BLAS: `numpy`, `scipy-openblas 0.3.31`."""


_NAMES = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalVM"}
"""`sys.implementation.name` -> `platform.python_implementation()`."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, as a manifest names it: `cpython 3.11.7`."""

    implementation: str
    """The value of `sys.implementation.name`."""
    version: str
    """All three parts, or as many as are required: `3.12`."""

    @classmethod
    def parse(cls, text: str) -> Interpreter:
        """Parse the text of a manifest. Raises `ValueError` for another text."""
        implementation, _, version = text.partition(" ")
        if not implementation or not version or " " in version:
            raise ValueError(text)
        return cls(implementation, version)

    @property
    def minor(self) -> str:
        """`3.11`."""
        return ".".join(self.version.split(".")[:2])

    def markers(self) -> dict[str, str]:
        """Return the PEP 508 markers that follow from an interpreter alone.

        An implementation other than CPython has its own version besides Python's; both are taken
        to be equal.
        """
        return {
            "implementation_name": self.implementation,
            "implementation_version": self.version,
            "platform_python_implementation": _NAMES.get(self.implementation, self.implementation),
            "python_full_version": self.version,
            "python_version": self.minor,
        }

    def __str__(self) -> str:
        return f"{self.implementation} {self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One installed distribution."""

    name: str
    """Canonical (PEP 503)."""
    version: str
    record: str
    """`sha256:...` over the RECORD of the wheel, without paths of this machine; for a conda
    package, the hash of its archive."""
    via: tuple[str, ...]
    """The distributions that require it; empty if the flow requires it itself."""
    direct_url: str | None = None
    wheel: str | None = None
    """The tags of its wheel, `cp311-cp311-manylinux_2_28_x86_64`; for a conda package its
    platform and build, `linux-64/py311h64a7726_0`. None if the wheel has no valid tags."""
    link: str | None = field(default=None, compare=False)
    """The URL of its changelog or project by its metadata; a baseline does not store it."""

    @property
    def is_conda(self) -> bool:
        """True for a package of a conda channel: the tags of a wheel (PEP 425) have no slash."""
        return "/" in (self.wheel or "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The contents of an environment: the part of the manifest that a check compares."""

    name: str
    """`base` for the flow's own."""
    python: Interpreter
    packages: tuple[Package, ...]
    """Sorted by name."""
    lock: Lock
    requirements: tuple[str, ...] = ()
    """The flow's requirements, PEP 508 lines, sorted; when checking, those that it declares
    today."""
    constraints: tuple[Constraints, ...] = ()
    """The constraints of the requirements, sorted by file; when checking, those of today."""
    steps: tuple[str, ...] = ()
    """The steps that run in it, in topological order; empty for `base`, where all others run."""
    imported: tuple[str, ...] = field(default=(), compare=False)
    """The distributions that the flow's own code imports there, sorted, without Metaflow. Known
    only after a rerun, so it is not part of the comparison of two environments."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltEnvironment:
    """An `Environment` that is installed on this machine, ready to run."""

    path: Path
    python: Path
    manifest: Environment
    local: tuple[LocalPackage, ...] = ()
    """The packages of the project that are on Python's path in addition."""
    notes: tuple[str, ...] = ()
    """Notes for the report about the requirements and the build."""
    numerics: Numerics = Numerics()


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowEnvironments:
    """The environments that the steps of one flow run in."""

    base: BuiltEnvironment
    """The flow's own: of all steps that have no other."""
    of_steps: tuple[BuiltEnvironment, ...] = ()
    """Environments of steps that declare packages or a Python; each names its steps."""

    @property
    def all(self) -> tuple[BuiltEnvironment, ...]:
        return (self.base, *self.of_steps)

    @property
    def manifests(self) -> tuple[Environment, ...]:
        return tuple(built.manifest for built in self.all)

    def of(self, step: str) -> BuiltEnvironment:
        return next(
            (environment for environment in self.of_steps if step in environment.manifest.steps),
            self.base,
        )

    @property
    def pythons(self) -> dict[str, Path]:
        """The interpreter of each step that does not run under that of `base`."""
        return {
            step: environment.python
            for environment in self.of_steps
            for step in environment.manifest.steps
        }


def environment_of(step: str, environments: Iterable[Environment]) -> Environment | None:
    """Return the environment of a flow that a step runs in.

    That is the one that names the step, else the one that names none; None where both are missing.
    """
    by_step = {
        name: environment for environment in environments for name in environment.steps or (None,)
    }
    return by_step.get(step, by_step.get(None))


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """The machine below an environment: shown when it differs, gated only if configured."""

    platform: str
    machine: str
    libc: str
    processors: int | None = field(default=None, compare=False)
    """The number of the machine's processors."""
    usable: int | None = field(default=None, compare=False)
    """The processors that this process may use; a baseline does not store them."""
    level: str | None = field(default=None, compare=False)
    """The level of its CPU (`pytest_flowrepro.support.hardware`); None if not known."""
    numeric: NumericProfile | None = field(default=None, compare=False)
    """The profile of the reruns: that of the policy, with the CPU level of the machine if it is
    lower."""
    blas: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(default=(), compare=False)
    """Environment -> the BLAS of its libraries (`Numerics.blas`), if they have one."""
