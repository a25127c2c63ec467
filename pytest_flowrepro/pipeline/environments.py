"""The environments of a flow and of its steps: declared today, or locked in the baseline; built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from pytest_flowrepro.environment import (
    InstallRequest,
    VirtualenvBuilder,
    Wheelhouse,
    begin_use,
)
from pytest_flowrepro.environment.conda.build import CondaBuilder
from pytest_flowrepro.lock import conda_from_pypi, find_requirements, read_python_version
from pytest_flowrepro.model import CondaLock, Interpreter, PypiLock
from pytest_flowrepro.pipeline.conda import conda_part_of
from pytest_flowrepro.pipeline.resolution import resolve
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_flowrepro.environment import EnvironmentBuilder
    from pytest_flowrepro.environment.steps import StepEnvironment
    from pytest_flowrepro.model import BuiltEnvironment, Environment, Lock, Recording, Requirements
    from pytest_flowrepro.pipeline.job import Clock, Job
    from pytest_flowrepro.pipeline.stages import Stages

BASE = "base"
"""The name of the environment of a flow's own requirements."""

_BUILD_TIMEOUT = 900.0
"""Seconds."""


def build_anew(
    job: Job, clock: Clock, stages: Stages, *, baseline: Recording | None = None
) -> BuiltEnvironment:
    """Lock the flow's requirements of today and build their environment.

    The interpreter is that of the baseline if there is one, unless another one is required.
    """
    requirements = declared(job)
    recorded = recorded_base(job, baseline) if baseline else None
    with clock.stage("lock", f"resolving {requirements.source}"):
        python = interpreter_today(job, stages, requirements, recorded)
        lock = resolve(job, stages, requirements, python)
    with clock.stage("environment", "building the environment"):
        request = _request(job, requirements, save_wheels=True)
        return _build(job, stages, _builder(job, lock, requirements, python), request)


def rebuild(job: Job, stages: Stages, baseline: Recording) -> BuiltEnvironment:
    """Return the environment of the baseline's lock, with the interpreter of the baseline."""
    recorded, requirements = recorded_base(job, baseline), declared(job)
    of_conda = isinstance(recorded.lock, CondaLock)
    python = None if of_conda else stages.find_interpreter(recorded=recorded.python)
    builder = _builder(job, recorded.lock, requirements, python)
    return _build(job, stages, builder, _request(job, requirements))


def build_for_steps(
    step_environment: StepEnvironment,
    clock: Clock,
    stages: Stages,
    *,
    job: Job,
    base: BuiltEnvironment,
    baseline: Recording | None,
) -> BuiltEnvironment:
    """Build the environment of steps that declare packages, from the baseline's lock if it exists.

    `base` is the flow's own environment.
    """
    recorded = _recorded(step_environment, baseline) if baseline else None
    python = interpreter_of_step(stages, step_environment, base.manifest, recorded)
    if recorded is None:
        with clock.stage("lock", f"resolving {step_environment.requirements.source}"):
            lock = resolve(job, stages, step_environment.requirements, python)
    else:
        lock = recorded.lock
    with clock.stage(
        "environment", f"building the environment of {', '.join(step_environment.steps)}"
    ):
        builder = _builder(job, lock, step_environment.requirements, python, base)
        request = _request(
            job,
            step_environment.requirements,
            name=step_environment.name,
            steps=step_environment.steps,
            save_wheels=recorded is None,
        )
        return _build(job, stages, builder, request)


def interpreter_today(
    job: Job, stages: Stages, requirements: Requirements, recorded: Environment | None
) -> Path | None:
    """Return the interpreter of the requirements today; None if it comes from conda.

    It is that of a `.python-version`, else the recorded one, else one that the requirements allow.

    Raises `EnvironmentBuildError` if `.python-version` and requirements contradict each other.
    """
    if requirements.conda is not None:
        return None
    requires = requirements.requires_python
    python_version = read_python_version(job.flow.file, root=job.root)
    if python_version is not None:
        return stages.find_interpreter(
            requires, requested=python_version.wanted, requested_by=python_version.file
        )
    allowed = SpecifierSet(requires or "")
    if recorded is not None and allowed.contains(recorded.python.version, prereleases=True):
        return stages.find_interpreter(recorded=recorded.python)
    return stages.find_interpreter(requires)


def interpreter_of_step(
    stages: Stages,
    step_environment: StepEnvironment,
    base: Environment,
    recorded: Environment | None,
) -> Path | None:
    """Return the interpreter of a step; None if it comes from conda.

    It is the recorded one, else the required one, else that of `base`.
    """
    if step_environment.requirements.conda is not None:
        return None
    if recorded is None and step_environment.python is not None:
        return stages.find_interpreter(requested=Interpreter("cpython", step_environment.python))
    return stages.find_interpreter(recorded=(recorded or base).python)


def recorded_base(job: Job, baseline: Recording) -> Environment:
    """Return the flow's own environment; raises `BaselineError` for a baseline without it."""
    for environment in baseline.environments:
        if environment.name == BASE:
            return environment
    raise BaselineError(
        f"The baseline of {job.title} has no environment `{BASE}`",
        hint="restore it from git, or record again with --flow-repro-update",
    )


def _recorded(step_environment: StepEnvironment, baseline: Recording) -> Environment:
    for environment in baseline.environments:
        if environment.name == step_environment.name:
            _check_origin(step_environment, environment)
            return environment
    raise BaselineError(
        f"{step_environment.requirements.source} asks for packages of its own, and the baseline of "
        f"{baseline.flow} has no lock for them",
        hint="record again with --flow-repro-update",
    )


def _check_origin(step_environment: StepEnvironment, recorded: Environment) -> None:
    then, now = (
        "conda" if conda else "PyPI"
        for conda in (
            isinstance(recorded.lock, CondaLock),
            step_environment.requirements.conda is not None,
        )
    )
    if then != now:
        raise BaselineError(
            f"{step_environment.requirements.source} was recorded with packages from {then}, but "
            f"takes them from {now} today",
            hint="record again with --flow-repro-update, or set `conda` in pyproject.toml as it "
            "was then",
        )


def notes_of(step_environment: StepEnvironment, built: BuiltEnvironment) -> Iterator[str]:
    steps = ", ".join(step_environment.steps)
    python = built.manifest.python.version
    if step_environment.python is not None and step_environment.python != python:
        yield f"step {steps} asks for Python {step_environment.python}, but ran under {python}"
    if step_environment.from_conda:
        yield (
            f"step {steps} takes {', '.join(step_environment.from_conda)} from conda; "
            "they were installed from PyPI instead, by name"
        )


def declared(job: Job) -> Requirements:
    """Return the requirements that the flow itself declares today."""
    requirements = find_requirements(
        job.flow.file,
        root=job.root,
        setting=job.settings.requirements,
        extras=job.settings.extras,
        groups=job.settings.groups,
    )
    return conda_from_pypi(requirements) if job.settings.conda_from_pypi else requirements


def _builder(
    job: Job,
    lock: Lock,
    requirements: Requirements,
    python: Path | None,
    base: BuiltEnvironment | None = None,
) -> EnvironmentBuilder:
    """Return the builder for the kind of lock; `base` is given for the environment of a step."""
    match lock:
        case CondaLock():
            conda_part = conda_part_of(job, requirements)
            return CondaBuilder(lock=lock, requirements=requirements, asked=conda_part, base=base)
        case PypiLock():
            assert python is not None  # only conda brings its own
            return VirtualenvBuilder(lock=lock, requirements=requirements, python=python)


def _build(
    job: Job, stages: Stages, builder: EnvironmentBuilder, request: InstallRequest
) -> BuiltEnvironment:
    built = stages.build(builder, request, job.environments)
    begin_use(built.path, key=str(job.folder), title=job.title)
    return built


def _request(
    job: Job,
    requirements: Requirements,
    *,
    name: str = BASE,
    steps: tuple[str, ...] = (),
    save_wheels: bool = False,
) -> InstallRequest:
    # The lock of a fresh check is not recorded, and the wheelhouse lacks its wheels.
    location = None if job.fresh else job.settings.wheelhouse
    return InstallRequest(
        name=name,
        steps=steps,
        installer=job.installer,
        timeout=_BUILD_TIMEOUT,
        wheelhouse=Wheelhouse(location=location, save=save_wheels) if location else None,
        indexes=requirements.indexes,
    )
