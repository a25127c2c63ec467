"""The locks of a flow's environments: of the requirements today, or recorded in the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from pytest_flowrepro.lock import conda_from_pypi, find_requirements, read_python_version
from pytest_flowrepro.model import CondaLock, Interpreter
from pytest_flowrepro.pipeline.kept_lock import BASE, choose_lock
from pytest_flowrepro.pipeline.locked_environment import LockedEnvironment
from pytest_flowrepro.pipeline.resolution import resolve
from pytest_flowrepro.support.errors import BaselineError, EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_flowrepro.environment.steps import StepEnvironment
    from pytest_flowrepro.model import BuiltEnvironment, Environment, Lock, Recording, Requirements
    from pytest_flowrepro.pipeline.job import Clock, Job
    from pytest_flowrepro.pipeline.stages import Stages


def lock_base(
    job: Job, clock: Clock, stages: Stages, *, baseline: Recording | None
) -> LockedEnvironment:
    """Return the flow's own environment of today.

    Its requirements are resolved, unless a recording keeps the lock of the `baseline`. The
    interpreter is that of the baseline if there is one, unless another one is required.
    """
    requirements = declared(job)
    python = _find_interpreter(job, stages, requirements, baseline)
    interpreter = stages.identify_interpreter(python) if python else None
    choice = choose_lock(job, BASE, requirements, interpreter, baseline)
    return LockedEnvironment(
        requirements=requirements,
        python=python,
        lock=choice.lock or _resolve(job, clock, stages, requirements, python),
        choice=choice,
    )


def lock_steps(
    step_environment: StepEnvironment,
    clock: Clock,
    stages: Stages,
    *,
    job: Job,
    base: Environment,
    baseline: Recording | None,
) -> LockedEnvironment:
    """Return the environment of today of steps that declare packages, as `lock_base` does.

    `base` is the flow's own environment.
    """
    requirements = step_environment.requirements
    python = interpreter_of_step(stages, step_environment, base, None)
    interpreter = stages.identify_interpreter(python) if python else None
    choice = choose_lock(job, step_environment.name, requirements, interpreter, baseline)
    return LockedEnvironment(
        name=step_environment.name,
        steps=step_environment.steps,
        requirements=requirements,
        python=python,
        lock=choice.lock or _resolve(job, clock, stages, requirements, python),
        choice=choice,
    )


def recorded_lock(job: Job, stages: Stages, baseline: Recording) -> LockedEnvironment:
    """Return the flow's own environment, with the lock and the interpreter of the baseline."""
    recorded, requirements = recorded_base(job, baseline), declared(job)
    of_conda = isinstance(recorded.lock, CondaLock)
    python = None if of_conda else stages.find_interpreter(recorded=recorded.python)
    return LockedEnvironment(requirements=requirements, python=python, lock=recorded.lock)


def recorded_lock_of_steps(
    step_environment: StepEnvironment, stages: Stages, *, base: Environment, baseline: Recording
) -> LockedEnvironment:
    """Return the environment of steps that declare packages, as `recorded_lock` does."""
    recorded = _recorded(step_environment, baseline)
    return LockedEnvironment(
        name=step_environment.name,
        steps=step_environment.steps,
        requirements=step_environment.requirements,
        python=interpreter_of_step(stages, step_environment, base, recorded),
        lock=recorded.lock,
    )


def _resolve(
    job: Job, clock: Clock, stages: Stages, requirements: Requirements, python: Path | None
) -> Lock:
    with clock.stage("lock", f"resolving {requirements.source}"):
        return resolve(job, stages, requirements, python)


def _find_interpreter(
    job: Job, stages: Stages, requirements: Requirements, baseline: Recording | None
) -> Path | None:
    """Return the interpreter of today; a recording does without the recorded one."""
    if baseline is None:
        return interpreter_today(job, stages, requirements, None)
    if not job.recording:
        return interpreter_today(job, stages, requirements, recorded_base(job, baseline))
    recorded = next((env for env in baseline.environments if env.name == BASE), None)
    try:
        return interpreter_today(job, stages, requirements, recorded)
    except EnvironmentBuildError:  # this machine does not have it
        return interpreter_today(job, stages, requirements, None)


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
