"""A resolution of the declared requirements today, by name and version.

Nothing is built for it, unless the code changed, so that Metaflow has to describe its steps.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from packaging.version import Version

from pytest_flowrepro.environment import find_interpreter, markers_of
from pytest_flowrepro.environment.conda.build import disambiguate_from_pypi
from pytest_flowrepro.environment.conda.manifest import locked_package
from pytest_flowrepro.environment.steps import step_environments
from pytest_flowrepro.lock import upload_days
from pytest_flowrepro.lockfile.pypi import required_by
from pytest_flowrepro.model import CondaLock, Package, pypi_part
from pytest_flowrepro.pipeline.conda import shown_requirements
from pytest_flowrepro.pipeline.environments import (
    declared,
    interpreter_of_step,
    interpreter_today,
    recorded_base,
)
from pytest_flowrepro.pipeline.prepare import steps_of_today
from pytest_flowrepro.pipeline.resolution import resolve
from pytest_flowrepro.pipeline.stages import STAGES, Stages
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.made_once import made_once

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Change, Environment, PypiLock, Recording, Requirements
    from pytest_flowrepro.pipeline.job import Job

_UPLOADED_TIMEOUT = 30.0
"""Seconds for the upload days of a flow's packages, which are optional in the report."""


def resolved_environments(
    job: Job, baseline: Recording, stages: Stages = STAGES
) -> tuple[Environment, ...]:
    """Return the baseline's environments with the packages of a resolution today.

    A package of the same version is the recorded one; for any other, only its name, its version and
    the packages that require it are known.
    """
    recorded_by_name = {environment.name: environment for environment in baseline.environments}
    requirements = declared(job)
    recorded = recorded_base(job, baseline)
    python = interpreter_today(job, stages, requirements, recorded)
    base = _resolved(job, stages, recorded, requirements, python)
    environments = [base]
    steps = steps_of_today(job, stages, baseline, requirements.local)
    for step_environment in step_environments(
        steps, base=base, conda_from_pypi=job.settings.conda_from_pypi
    ):
        recorded = replace(
            recorded_by_name.get(step_environment.name, base),
            name=step_environment.name,
            steps=step_environment.steps,
        )
        python = interpreter_of_step(stages, step_environment, base, None)
        resolved = _resolved(job, stages, recorded, step_environment.requirements, python)
        environments.append(
            _with_metaflow(resolved, base) if step_environment.requirements.conda else resolved
        )
    return tuple(environments)


def _resolved(
    job: Job,
    stages: Stages,
    recorded: Environment,
    requirements: Requirements,
    python: Path | None,
) -> Environment:
    lock = resolve(job, stages, requirements, python)
    interpreter = stages.identify_interpreter(python) if python else recorded.python
    pypi = pypi_part(lock)
    markers = markers_of(interpreter, python)
    of_pypi = tuple(_locked_packages(pypi, recorded, markers)) if pypi else ()
    added = {package.name for package in of_pypi}
    archives = _archives(lock, recorded, added) if isinstance(lock, CondaLock) else ()
    return replace(
        recorded,
        python=interpreter,
        packages=tuple(sorted((*of_pypi, *archives), key=lambda package: package.name)),
        lock=lock,
        requirements=shown_requirements(job, requirements),
        constraints=requirements.constraint_sources,
    )


def _with_metaflow(environment: Environment, base: Environment) -> Environment:
    """Return the environment of a step with the Metaflow of the flow's own one."""
    (metaflow,) = (package for package in base.packages if package.name == "metaflow")
    rest = (package for package in environment.packages if package.name != "metaflow")
    packages = sorted((*rest, replace(metaflow, via=())), key=lambda package: package.name)
    return replace(environment, packages=tuple(packages))


def _archives(lock: CondaLock, recorded: Environment, added: Container[str]) -> Iterator[Package]:
    """Yield the packages of an explicit list, renamed if PyPI added one of the same name."""
    via = {package.name: package.via for package in recorded.packages}
    for archive in lock.archives:
        package = disambiguate_from_pypi(locked_package(archive), added)
        yield replace(package, via=via.get(package.name, ()))


def _locked_packages(
    lock: PypiLock, recorded: Environment, markers: dict[str, str]
) -> Iterator[Package]:
    recorded_packages = {package.name: package for package in recorded.packages}
    via = required_by(lock)
    for package in lock.packages:
        if package.is_for(markers):
            same = recorded_packages.get(package.name)
            if same is not None and Version(same.version) == Version(package.version):
                yield same
            else:
                yield Package(
                    name=package.name,
                    version=package.version,
                    record="",
                    via=via.get(package.name, ()),
                )


def with_upload_days(
    changes: Iterable[Change], days: Mapping[tuple[str, str], date]
) -> tuple[Change, ...]:
    """Return package changes with the upload days of their new versions, as far as known."""

    def dated(change: Change) -> Change:
        day = days.get((change.environment or "", change.name))
        if change.kind != "package" or day is None or change.explanation:
            return change
        return replace(change, explanation=(f"uploaded {day}",))

    return tuple(map(dated, changes))


def upload_days_of(job: Job, environments: Iterable[Environment]) -> dict[tuple[str, str], date]:
    """Map (environment, package) to the day on which its version was uploaded.

    It has the packages that changed and for which the index has upload times. conda's channels and
    pip have none.
    """
    days: dict[tuple[str, str], date] = {}
    deadline = Deadline.after(_UPLOADED_TIMEOUT)
    for environment in environments if job.installer == "uv" else ():
        moved = {
            package.name: package.version for package in environment.packages if not package.record
        }
        if moved and not isinstance(environment.lock, CondaLock):
            python = find_interpreter(recorded=environment.python)
            day_of = _upload_days_once(job, moved, python, timeout=deadline.left)
            days |= {(environment.name, name): day for name, day in day_of.items()}
    return days


def _upload_days_once(
    job: Job, versions: Mapping[str, str], python: Path, *, timeout: float
) -> dict[str, date]:
    """Return the upload days of versions, for which the index is asked once in a session."""
    identity = f"{sorted(versions.items())}\n{python}"
    digest = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:16]
    folder = job.resolutions / f"uploaded-{digest}"

    def ask() -> dict[str, str]:
        days = upload_days(versions, python=python, workspace=folder, timeout=timeout)
        return {name: day.isoformat() for name, day in days.items()}

    days = made_once(folder / "days.json", ask)
    return {name: date.fromisoformat(day) for name, day in days.items()}
