"""Build environments that start with conda packages.

The environment of a step has only these, and Metaflow itself. The flow's own environment, from an
environment.yml, also gets packages from PyPI, as `conda env create` lets pip install them: they are
resolved against the conda packages, and replace none of them.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.conda.manifest import check_installed, read_prefix
from pytest_flowrepro.environment.conda.metaflow import place_metaflow
from pytest_flowrepro.environment.conda.prefix import install_conda
from pytest_flowrepro.environment.conda.wheelhouse import save_archives, take_archives
from pytest_flowrepro.environment.failures import with_notes
from pytest_flowrepro.environment.install import build_notes, install_locked, leave_notes
from pytest_flowrepro.environment.installed_files import note_complete
from pytest_flowrepro.environment.manifest import interpreter_of, read_manifest, site_packages
from pytest_flowrepro.environment.virtualenv import shared_place
from pytest_flowrepro.model import BuiltEnvironment, Environment
from pytest_flowrepro.support.cache import user_cache
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    from pytest_flowrepro.environment.request import InstallRequest
    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
    from pytest_flowrepro.model import CondaLock, Package, PypiLock


def conda_environment(
    lock: CondaLock,
    asked: CondaRequirements,
    request: InstallRequest,
    *,
    base: BuiltEnvironment,
    folder: Path,
) -> BuiltEnvironment:
    """Build the prefix of a lock with the Metaflow of `base`, once per lock and `folder`.

    Archives are taken from the wheelhouse first. Raises `EnvironmentBuildError`.
    """
    metaflow = next(one for one in base.manifest.packages if one.name == "metaflow")

    def build(prefix: Path, timeout: float) -> None:
        _create(lock, asked, prefix, replace(request, timeout=timeout))
        place_metaflow(site_packages(base.path), into=site_packages(prefix))
        note_complete(prefix)

    prefix = shared_place(
        f"{lock.digest}\n{metaflow.record}\n{request.wheelhouse}",
        request,
        folder=folder,
        build=build,
    )
    installed = read_prefix(prefix, specs=asked.specs)
    packages = [one for one in installed if one.name != "metaflow"]
    return _described(
        prefix,
        lock,
        name=request.name,
        packages=[*packages, replace(metaflow, via=())],
        requirements=asked.shown,
    )


def conda_with_pypi_environment(
    lock: CondaLock,
    asked: CondaRequirements,
    request: InstallRequest,
    *,
    lines: tuple[str, ...],
    requirements: tuple[str, ...],
    folder: Path,
) -> BuiltEnvironment:
    """Build the prefix of a lock and add its packages from PyPI, once per lock and `folder`.

    `lines` are the requirements for PyPI, `requirements` all requirements of the flow, as in the
    manifest. Raises `EnvironmentBuildError`.
    """

    def build(prefix: Path, timeout: float) -> None:
        def create(left: float) -> Path:
            _create(lock, asked, prefix, replace(request, timeout=left))
            return prefix / "bin" / "python"

        if lock.pypi:
            install_locked(lock.pypi, prefix, replace(request, timeout=timeout), create=create)
        else:
            create(timeout)
        note_complete(prefix)

    identity = f"{lock.digest}\n{request.installer}\n{request.wheelhouse}"
    prefix = shared_place(identity, request, folder=folder, build=build)
    return _described(
        prefix,
        lock,
        name=request.name,
        packages=_packages(prefix, lock.pypi, asked, lines),
        requirements=requirements,
    )


def _create(
    lock: CondaLock,
    asked: CondaRequirements,
    prefix: Path,
    request: InstallRequest,
) -> None:
    """Create a prefix with exactly the packages of a lock; an existing one is deleted.

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
            channels=asked.channels,
        )
    except EnvironmentBuildError as error:
        raise with_notes(error, notes) from error
    leave_notes(prefix, notes)
    if wheelhouse and wheelhouse.save:
        save_archives(wheelhouse, lock, archives=archives, timeout=deadline.left)
    check_installed(read_prefix(prefix, specs=()), lock, request.name)


def _archives(prefix: Path) -> Path:
    """Return the cache folder of archives, or a folder in the prefix if the cache is not
    writable.
    """
    return user_cache("conda") or prefix / "archives"


def _described(
    prefix: Path,
    lock: CondaLock,
    *,
    name: str,
    packages: Iterable[Package],
    requirements: tuple[str, ...],
) -> BuiltEnvironment:
    manifest = Environment(
        name=name,
        python=interpreter_of(prefix),
        packages=tuple(sorted(packages, key=lambda one: one.name)),
        lock=lock,
        requirements=requirements,
    )
    return BuiltEnvironment(
        path=prefix,
        python=prefix / "bin" / "python",
        manifest=manifest,
        notes=build_notes(prefix),
    )


def beside_pypi(package: Package, added: Container[str]) -> Package:
    """Return a conda package under a name that no package from PyPI has.

    If both have a package of one name (`redis` is a server for conda, a client on PyPI), conda's is
    renamed to `conda::redis`, in conda's own syntax for channels.
    """
    return replace(package, name=f"conda::{package.name}") if package.name in added else package


def _packages(
    prefix: Path, pypi: PypiLock | None, asked: CondaRequirements, lines: tuple[str, ...]
) -> Iterator[Package]:
    added = pypi.urls if pypi else {}
    there = read_manifest(prefix, requirements=lines, urls=added)
    yield from (one for one in there if one.name in added)
    yield from (beside_pypi(one, added) for one in read_prefix(prefix, specs=asked.specs))
