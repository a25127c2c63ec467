"""The conda part of the requirements of flows and steps, and its resolution."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment import InstallRequest, installed_versions
from pytest_flowrepro.environment.conda.build import CondaBuilder
from pytest_flowrepro.lock import resolver, without_given
from pytest_flowrepro.lock.rattler import solve_conda
from pytest_flowrepro.lockfile.conda import with_pypi
from pytest_flowrepro.lockfile.conda_spec import channels_from, conda_requirements
from pytest_flowrepro.support.deadline import Deadline

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
    from pytest_flowrepro.model import CondaLock, Requirements
    from pytest_flowrepro.pipeline.job import Job


def conda_part_of(job: Job, requirements: Requirements) -> CondaRequirements:
    """Return the conda part of the requirements; only a Python if they no longer have one."""
    declared = requirements.conda
    channels = declared.channels if declared else ()
    return conda_requirements(
        declared.specs if declared else (),
        channels=channels or channels_from(job.settings.conda_channels, os.environ),
        source=requirements.source,
    )


def shown_requirements(job: Job, requirements: Requirements) -> tuple[str, ...]:
    """Return the declared requirements, as a manifest lists them."""
    if requirements.conda is None:
        return tuple(sorted(requirements.lines))
    return tuple(sorted((*conda_part_of(job, requirements).shown, *requirements.lines)))


def resolve_with_conda(
    job: Job, requirements: Requirements, *, workspace: Path, timeout: float
) -> CondaLock:
    """Return a lock of conda packages and of the packages that PyPI adds to them.

    The conda packages are installed once for it, as only the installed ones show which
    distributions they are (`pytorch` is `torch`). Raises `FlowReproError`.
    """
    deadline = Deadline.after(timeout)
    conda_part = conda_part_of(job, requirements)
    conda = solve_conda(conda_part, workspace=workspace, timeout=deadline.left, as_of=job.as_of)
    if not requirements.lines:
        return conda
    request = InstallRequest(
        name="conda",
        installer=job.installer,
        timeout=deadline.left,
        indexes=requirements.indexes,
    )
    builder = CondaBuilder(lock=conda, requirements=requirements, asked=conda_part)
    prefix = builder.prefix(request, job.environments)
    pypi = resolver(job.installer).resolve(
        replace(requirements, given=tuple(sorted(installed_versions(prefix).items()))),
        python=prefix / "bin" / "python",
        workspace=workspace,
        timeout=deadline.left,
        as_of=job.as_of,
    )
    return with_pypi(conda, without_given(pypi))
