"""What every rerun of a flow starts from: its environment, its graph and its code package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.describe import describe_flow
from pytest_flowrepro.environment import find_interpreter, shared_environment
from pytest_flowrepro.errors import BaselineError
from pytest_flowrepro.lock import find_requirements, resolver
from pytest_flowrepro.package import default_suffixes, package_flow
from pytest_flowrepro.rerun import Place, flow_environment

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.check.job import Clock, Job
    from pytest_flowrepro.model import (
        BuiltEnvironment,
        CodePackage,
        FlowDescription,
        Lock,
        Recording,
        Requirements,
        Step,
    )

BASE = "base"
"""The name of the environment that a flow's own requirements give."""

_RESOLVE_TIMEOUT = 300.0
_BUILD_TIMEOUT = 900.0
"""Seconds; a hang ends in a sentence, and nothing here may take longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What every rerun of one job starts from."""

    built: BuiltEnvironment
    steps: tuple[Step, ...]
    """As Metaflow sees them, in topological order."""
    package: CodePackage


def resolve_and_build(job: Job, clock: Clock) -> BuiltEnvironment:
    """A new lock of what the flow declares today, and its environment."""
    requirements = _requirements(job)
    with clock.stage("lock", f"resolving {requirements.source}"):
        python = find_interpreter(requirements.requires_python)
        job.folder.mkdir(parents=True, exist_ok=True)
        lock = resolver(job.installer).resolve(
            requirements,
            python=python,
            workspace=job.folder,
            timeout=_RESOLVE_TIMEOUT,
            as_of=job.as_of,
        )
    with clock.stage("environment", "building the environment"):
        return _build(job, lock, requirements, python)


def rebuild(job: Job, baseline: Recording) -> BuiltEnvironment:
    """The environment of the baseline's lock, on the interpreter that the baseline names."""
    recorded = next((env for env in baseline.environments if env.name == BASE), None)
    if recorded is None:
        raise BaselineError(
            f"the baseline of {job.title} has no environment `{BASE}`",
            hint="restore it from git, or record again with --flow-repro-update",
        )
    return _build(
        job, recorded.lock, _requirements(job), find_interpreter(recorded=recorded.python)
    )


def prepare(job: Job, built: BuiltEnvironment, clock: Clock) -> Prepared:
    place = Place(root=job.folder / "describe").create()
    with clock.stage("describe", "asking Metaflow"):
        description = describe_flow(
            job.flow,
            python=built.python,
            env=flow_environment(job.flow.name, place=place, built=built, hash_seed=0),
            cwd=job.flow.file.parent,
            workspace=place.root,
            timeout=job.settings.timeout,
        )
    with clock.stage("package", "packaging"):
        package = _package(job, _named_files(job, description))
    return Prepared(built=built, steps=description.steps, package=package)


def as_recorded(
    job: Job, built: BuiltEnvironment, baseline: Recording, clock: Clock
) -> Prepared | None:
    """What the baseline knows already: of the same code in the same environment Metaflow says
    the same, and to ask it costs as much as a step. None where either differs.
    """
    if built.manifest not in baseline.environments:
        return None
    folder = job.flow.file.parent
    recorded = (folder / file.path for file in baseline.code)
    with clock.stage("package", "packaging"):
        package = _package(job, tuple(path for path in recorded if path.is_file()))
    if package.files != baseline.code:
        return None
    return Prepared(built=built, steps=baseline.steps, package=package)


def _requirements(job: Job) -> Requirements:
    return find_requirements(job.flow.file, root=job.root, setting=job.settings.requirements)


def _build(job: Job, lock: Lock, requirements: Requirements, python: Path) -> BuiltEnvironment:
    return shared_environment(
        lock,
        name=BASE,
        requirements=requirements.lines,
        python=python,
        folder=job.environments,
        installer=job.installer,
        timeout=_BUILD_TIMEOUT,
    )


def _named_files(job: Job, description: FlowDescription) -> tuple[Path, ...]:
    """What IncludeFile and Config defaults name, less those that the configuration overrides."""
    folder = job.flow.file.parent
    overridden = {
        folder / parameter.default
        for parameter in description.parameters
        if parameter.default is not None and parameter.name in job.settings.parameters
    }
    return tuple(file for file in description.files if file not in overridden)


def _given_files(job: Job) -> tuple[Path, ...]:
    """Files of the project that the configuration gives as the value of a parameter."""
    values = (value for value in job.settings.parameters.values() if isinstance(value, str))
    paths = (job.flow.file.parent / value for value in values)
    return tuple(path for path in paths if path.is_relative_to(job.root) and path.is_file())


def _package(job: Job, named_files: tuple[Path, ...]) -> CodePackage:
    return package_flow(
        job.flow,
        root=job.root,
        named_files=(*named_files, *_given_files(job)),
        include=job.settings.include,
        suffixes=default_suffixes(os.environ),
        destination=job.folder / "code.tar",
    )
