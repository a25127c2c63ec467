"""A flow's own environment where that begins with conda packages, as an environment.yml has it.

PyPI's packages are added to the prefix, as `conda env create` lets pip do it. They are resolved
beside what conda brought, and none of that is replaced.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment import (
    InstallRequest,
    build_notes,
    install_locked,
    installed_versions,
    interpreter_of,
    note_complete,
    read_manifest,
    shared_place,
)
from pytest_flowrepro.environment.conda_manifest import read_prefix
from pytest_flowrepro.lock import resolver, without_given
from pytest_flowrepro.lockfile.conda import with_pypi
from pytest_flowrepro.lockfile.conda_spec import channels_from, declared_conda
from pytest_flowrepro.model import BuiltEnvironment, Environment
from pytest_flowrepro.pipeline.conda import new_prefix, resolve_conda
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
    from pytest_flowrepro.model import CondaLock, Package, PypiLock, Requirements
    from pytest_flowrepro.pipeline.job import Job


def resolve_with_conda(
    job: Job, requirements: Requirements, *, workspace: Path, timeout: float
) -> CondaLock:
    """What conda installs, and what PyPI adds to it.

    Which distributions conda's packages are, only the installed ones tell (`pytorch` is `torch`):
    they are installed once for that. Raises `FlowReproError`.
    """
    deadline = Deadline.after(timeout)
    conda = resolve_conda(job, _asked(job, requirements))
    if not requirements.lines:
        return conda
    request = InstallRequest(
        name="conda",
        installer=job.installer,
        timeout=deadline.left,
        indexes=requirements.indexes,
    )
    prefix = build_with_conda(job, conda, requirements, request).path
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
            hint="`+conda` is what conda brings: ask conda for another version of it, or loosen "
            "what is asked of PyPI.",
            detail=error.detail,
        ) from error
    return with_pypi(conda, without_given(pypi))


def build_with_conda(
    job: Job,
    lock: CondaLock,
    requirements: Requirements,
    request: InstallRequest,
) -> BuiltEnvironment:
    """The prefix of a lock, built once for all who ask for it. Raises `EnvironmentBuildError`."""
    asked = _asked(job, requirements)

    def described(prefix: Path) -> BuiltEnvironment:
        manifest = Environment(
            name=request.name,
            python=interpreter_of(prefix),
            packages=_packages(prefix, lock.pypi, asked, requirements.lines),
            lock=lock,
            requirements=shown_requirements(job, requirements),
        )
        return BuiltEnvironment(
            path=prefix,
            python=prefix / "bin" / "python",
            manifest=manifest,
            notes=build_notes(prefix),
        )

    def build(prefix: Path, timeout: float) -> None:
        def create(left: float) -> Path:
            new_prefix(lock, asked, prefix, replace(request, timeout=left))
            return prefix / "bin" / "python"

        if lock.pypi:
            install_locked(lock.pypi, prefix, replace(request, timeout=timeout), create=create)
        else:
            create(timeout)
        note_complete(prefix)

    identity = f"{lock.digest}\n{request.installer}\n{request.wheelhouse}"
    return described(shared_place(identity, request, folder=job.environments, build=build))


def _asked(job: Job, requirements: Requirements) -> CondaRequirements:
    """Nothing of conda where the flow asks for nothing of it today."""
    declared = requirements.conda
    if declared is None:
        return declared_conda((), channels=(), source=requirements.source)
    return declared_conda(
        declared.specs,
        channels=declared.channels or channels_from(job.settings.conda_channels, os.environ),
        source=requirements.source,
    )


def shown_requirements(job: Job, requirements: Requirements) -> tuple[str, ...]:
    """What is declared, as a manifest has it."""
    if requirements.conda is None:
        return tuple(sorted(requirements.lines))
    return tuple(sorted((*_asked(job, requirements).shown, *requirements.lines)))


def beside_pypi(package: Package, added: Container[str]) -> Package:
    """A package of conda's under a name that none of those has that PyPI added.

    Of two with one name (conda has a server `redis`, PyPI a client) conda's is `conda::redis`, as
    conda itself tells channels apart.
    """
    return replace(package, name=f"conda::{package.name}") if package.name in added else package


def _packages(
    prefix: Path, pypi: PypiLock | None, asked: CondaRequirements, lines: tuple[str, ...]
) -> tuple[Package, ...]:
    added = pypi.urls if pypi else {}
    there = read_manifest(prefix, requirements=lines, urls=added)
    of_pypi = [one for one in there if one.name in added]
    of_conda = (beside_pypi(one, added) for one in read_prefix(prefix, specs=asked.specs))
    return tuple(sorted((*of_conda, *of_pypi), key=lambda one: one.name))
