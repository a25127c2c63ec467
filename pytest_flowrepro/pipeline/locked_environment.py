"""An environment of a flow, or of steps, between its lock and its build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.environment import (
    InstallRequest,
    VirtualenvBuilder,
    Wheelhouse,
    begin_use,
)
from pytest_flowrepro.environment.conda.build import CondaBuilder
from pytest_flowrepro.model import CondaLock, PypiLock
from pytest_flowrepro.pipeline.conda import conda_part_of
from pytest_flowrepro.pipeline.kept_lock import BASE, NO_CHOICE, LockChoice

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.environment import EnvironmentBuilder
    from pytest_flowrepro.model import BuiltEnvironment, Lock, Requirements
    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.pipeline.stages import Stages

_BUILD_TIMEOUT = 900.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedEnvironment:
    """The contents of an environment that is to be built."""

    requirements: Requirements
    python: Path | None
    """The interpreter that it is created from; None: conda brings its own."""
    lock: Lock
    name: str = BASE
    steps: tuple[str, ...] = ()
    choice: LockChoice = NO_CHOICE
    """The origin of the lock, if a recording had a choice."""


def build_locked(
    job: Job, stages: Stages, locked: LockedEnvironment, base: BuiltEnvironment | None = None
) -> BuiltEnvironment:
    """Build an environment; for that of a step, `base` is the flow's own."""
    request = InstallRequest(
        name=locked.name,
        steps=locked.steps,
        installer=job.installer,
        timeout=_BUILD_TIMEOUT,
        wheelhouse=_wheelhouse(job),
        indexes=locked.requirements.indexes,
    )
    built = stages.build(_builder(job, locked, base), request, job.environments)
    begin_use(built.path, key=str(job.folder), title=job.title)
    return built


def _builder(
    job: Job, locked: LockedEnvironment, base: BuiltEnvironment | None
) -> EnvironmentBuilder:
    """Return the builder for the kind of lock."""
    requirements = locked.requirements
    match locked.lock:
        case CondaLock() as lock:
            conda_part = conda_part_of(job, requirements)
            return CondaBuilder(lock=lock, requirements=requirements, asked=conda_part, base=base)
        case PypiLock() as lock:
            assert locked.python is not None  # only conda brings its own
            return VirtualenvBuilder(lock=lock, requirements=requirements, python=locked.python)


def _wheelhouse(job: Job) -> Wheelhouse | None:
    """Return the configured wheelhouse; a recording saves all wheels of its locks there."""
    location = job.settings.wheelhouse
    # The lock of a fresh check is not recorded, and the wheelhouse lacks its wheels.
    if location is None or (job.fresh and not job.recording):
        return None
    return Wheelhouse(location=location, save=job.recording)
