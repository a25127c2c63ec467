"""The conda requirements of flows and steps, and their resolution."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment import InstallRequest, installed_versions
from pytest_flowrepro.environment.conda.build import conda_with_pypi_environment
from pytest_flowrepro.lock import resolver, without_given
from pytest_flowrepro.lock.rattler import solve_conda
from pytest_flowrepro.lockfile.conda import with_pypi
from pytest_flowrepro.lockfile.conda_spec import (
    channels_from,
    conda_requirements,
    declared_conda,
)
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.environment.steps import StepEnvironment
    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
    from pytest_flowrepro.model import CondaLock, Environment, Requirements
    from pytest_flowrepro.pipeline.job import Job

_SOLVE_TIMEOUT = 300.0
"""Seconds."""


def asked_of_conda(job: Job, wanted: StepEnvironment, base: Environment) -> CondaRequirements:
    """Return the conda requirements of a step, by default under the Python of `base`."""
    return conda_requirements(
        dict(wanted.conda or ()),
        python=wanted.python or base.python.version,
        channels=channels_from(job.settings.conda_channels, os.environ),
        source=wanted.requirements.source,
    )


def asked_by_flow(job: Job, requirements: Requirements) -> CondaRequirements:
    """Return the conda requirements of a flow; empty if it declares none today."""
    declared = requirements.conda
    if declared is None:
        return declared_conda((), channels=(), source=requirements.source)
    return declared_conda(
        declared.specs,
        channels=declared.channels or channels_from(job.settings.conda_channels, os.environ),
        source=requirements.source,
    )


def shown_requirements(job: Job, requirements: Requirements) -> tuple[str, ...]:
    """Return the declared requirements, as a manifest lists them."""
    if requirements.conda is None:
        return tuple(sorted(requirements.lines))
    return tuple(sorted((*asked_by_flow(job, requirements).shown, *requirements.lines)))


def resolve_conda(job: Job, requirements: CondaRequirements) -> CondaLock:
    return solve_conda(requirements, workspace=job.folder, timeout=_SOLVE_TIMEOUT, as_of=job.as_of)


def resolve_with_conda(
    job: Job, requirements: Requirements, *, workspace: Path, timeout: float
) -> CondaLock:
    """Return a lock of conda packages and of the packages that PyPI adds to them.

    The conda packages are installed once for it, as only the installed ones show which
    distributions they are (`pytorch` is `torch`). Raises `FlowReproError`.
    """
    deadline = Deadline.after(timeout)
    asked = asked_by_flow(job, requirements)
    conda = resolve_conda(job, asked)
    if not requirements.lines:
        return conda
    request = InstallRequest(
        name="conda",
        installer=job.installer,
        timeout=deadline.left,
        indexes=requirements.indexes,
    )
    prefix = conda_with_pypi_environment(
        conda, asked, request, lines=requirements.lines, requirements=(), folder=job.environments
    ).path
    try:
        pypi = resolver(job.installer).resolve(
            replace(requirements, given=tuple(sorted(installed_versions(prefix).items()))),
            python=prefix / "bin" / "python",
            workspace=workspace,
            timeout=deadline.left,
            as_of=job.as_of,
        )
    except LockError as error:
        if "+conda" not in error.detail:
            raise
        raise LockError(
            error.what,
            hint="require another version of the packages marked `+conda` from conda, or relax the "
            "requirements for PyPI",
            detail=error.detail,
        ) from error
    return with_pypi(conda, without_given(pypi))
