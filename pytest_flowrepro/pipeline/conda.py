"""Environments of conda packages, for the steps that declare them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment import (
    build_notes,
    interpreter_of,
    leave_notes,
    note_complete,
    shared_place,
    site_packages,
)
from pytest_flowrepro.environment.conda_manifest import check_installed, read_prefix
from pytest_flowrepro.environment.conda_metaflow import place_metaflow
from pytest_flowrepro.environment.conda_prefix import install_conda
from pytest_flowrepro.environment.failures import with_notes
from pytest_flowrepro.environment.wheelhouse.conda_archives import save_archives, take_archives
from pytest_flowrepro.lock.rattler import solve_conda
from pytest_flowrepro.lockfile.conda_spec import channels_from, conda_requirements
from pytest_flowrepro.model import BuiltEnvironment, Environment
from pytest_flowrepro.support.cache import user_cache
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.environment import InstallRequest
    from pytest_flowrepro.environment.steps import StepEnvironment
    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
    from pytest_flowrepro.model import CondaLock, Package
    from pytest_flowrepro.pipeline.job import Job

_SOLVE_TIMEOUT = 300.0


def asked_of_conda(job: Job, wanted: StepEnvironment, base: Environment) -> CondaRequirements:
    return conda_requirements(
        dict(wanted.conda or ()),
        python=wanted.python or base.python.version,
        channels=channels_from(job.settings.conda_channels, os.environ),
        source=wanted.requirements.source,
    )


def resolve_conda(job: Job, requirements: CondaRequirements) -> CondaLock:
    return solve_conda(requirements, workspace=job.folder, timeout=_SOLVE_TIMEOUT, as_of=job.as_of)


def build_conda(
    job: Job,
    lock: CondaLock,
    requirements: CondaRequirements,
    request: InstallRequest,
    *,
    base: BuiltEnvironment,
) -> BuiltEnvironment:
    """The prefix of a lock with the Metaflow of `base`, built once for all who ask for both.

    Archives are taken from the wheelhouse first. Raises `EnvironmentBuildError`.
    """
    metaflow = next(one for one in base.manifest.packages if one.name == "metaflow")

    def build(prefix: Path, timeout: float) -> None:
        new_prefix(lock, requirements, prefix, replace(request, timeout=timeout))
        place_metaflow(site_packages(base.path), into=site_packages(prefix))
        note_complete(prefix)

    prefix = shared_place(
        f"{lock.digest}\n{metaflow.record}\n{request.wheelhouse}",
        request,
        folder=job.environments,
        build=build,
    )
    return _described(prefix, lock, requirements, name=request.name, metaflow=metaflow)


def new_prefix(
    lock: CondaLock,
    requirements: CondaRequirements,
    prefix: Path,
    request: InstallRequest,
) -> None:
    """A prefix that holds what a lock says, and nothing else, whatever was there before.

    Archives are taken from the wheelhouse first, or saved there. Raises `EnvironmentBuildError`.
    """
    shutil.rmtree(prefix, ignore_errors=True)
    deadline = Deadline.after(request.timeout)
    wheelhouse = request.wheelhouse
    archives = _archives(prefix)
    notes: tuple[str, ...] = ()
    if wheelhouse:
        notes = take_archives(wheelhouse, lock, archives=archives, timeout=deadline.left)
    try:
        install_conda(
            lock,
            prefix=prefix,
            archives=archives,
            timeout=deadline.left,
            channels=requirements.channels,
        )
    except EnvironmentBuildError as error:
        raise with_notes(error, notes) from error
    leave_notes(prefix, notes)
    if wheelhouse and wheelhouse.save:
        save_archives(wheelhouse, lock, archives=archives, timeout=deadline.left)
    check_installed(read_prefix(prefix, specs=()), lock, request.name)


def _archives(prefix: Path) -> Path:
    """Where archives are kept; in the prefix itself where the user's cache cannot be written."""
    return user_cache("conda") or prefix / "archives"


def _described(
    prefix: Path, lock: CondaLock, requirements: CondaRequirements, *, name: str, metaflow: Package
) -> BuiltEnvironment:
    installed = read_prefix(prefix, specs=requirements.specs)
    packages = [one for one in installed if one.name != "metaflow"]
    manifest = Environment(
        name=name,
        python=interpreter_of(prefix),
        packages=tuple(sorted([*packages, replace(metaflow, via=())], key=lambda one: one.name)),
        lock=lock,
        requirements=requirements.shown,
    )
    return BuiltEnvironment(
        path=prefix,
        python=prefix / "bin" / "python",
        manifest=manifest,
        notes=build_notes(prefix),
    )
