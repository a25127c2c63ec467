"""Build environments that start with conda packages.

The environment of a step has only these, and Metaflow itself. The flow's own environment, from an
environment.yml, also gets packages from PyPI, as `conda env create` lets pip install them: they are
resolved against the conda packages, and replace none of them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.builder import built_environment, shared_place
from pytest_flowrepro.environment.conda.manifest import check_installed, read_prefix
from pytest_flowrepro.environment.conda.metaflow import place_metaflow
from pytest_flowrepro.environment.conda.prefix import install_conda
from pytest_flowrepro.environment.conda.wheelhouse import save_archives, take_archives
from pytest_flowrepro.environment.failures import with_notes
from pytest_flowrepro.environment.install import install_locked, leave_notes
from pytest_flowrepro.environment.installed_files import note_complete
from pytest_flowrepro.environment.manifest import read_manifest, site_packages
from pytest_flowrepro.support.cache import user_cache
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from pytest_flowrepro.environment.request import InstallRequest
    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
    from pytest_flowrepro.model import BuiltEnvironment, CondaLock, Package, Requirements


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaBuilder:
    """A prefix with exactly the packages of a lock (an `EnvironmentBuilder`)."""

    lock: CondaLock
    requirements: Requirements
    asked: CondaRequirements
    """The part of the requirements that conda installs."""
    base: BuiltEnvironment | None = None
    """The flow's own environment, whose Metaflow a step gets; None: the lock has Metaflow."""

    def build(self, request: InstallRequest, folder: Path) -> BuiltEnvironment:
        """Return the environment, built once for equal locks, installations and Metaflows.

        Archives are taken from the wheelhouse first. Raises `EnvironmentBuildError`.
        """
        prefix = self.prefix(request, folder)
        of_conda = self.asked.shown if self.requirements.conda else ()
        return built_environment(
            prefix,
            self.lock,
            request,
            self.requirements,
            declared=(*of_conda, *self.requirements.lines),
            packages=self._installed_packages(prefix),
        )

    def prefix(self, request: InstallRequest, folder: Path) -> Path:
        """Return the folder of the environment, built as `build` does it."""
        metaflow = self._metaflow.record if self._metaflow else ""
        identity = f"{self.lock.contents}\n{request.installer}\n{request.wheelhouse}\n{metaflow}"
        return shared_place(identity, request, folder=folder, build=self._install)

    @property
    def _metaflow(self) -> Package | None:
        """The Metaflow of `base`."""
        packages = self.base.manifest.packages if self.base else ()
        return next((package for package in packages if package.name == "metaflow"), None)

    def _install(self, prefix: Path, request: InstallRequest) -> None:
        def create(left: float) -> Path:
            self._create(prefix, replace(request, timeout=left))
            return prefix / "bin" / "python"

        if self.lock.pypi:
            install_locked(self.lock.pypi, prefix, request, create=create)
        else:
            create(request.timeout)
        if self.base:
            place_metaflow(site_packages(self.base.path), into=site_packages(prefix))
        note_complete(prefix)

    def _create(self, prefix: Path, request: InstallRequest) -> None:
        """Create a prefix with exactly the conda packages; an existing one is deleted."""
        shutil.rmtree(prefix, ignore_errors=True)
        lock, wheelhouse = self.lock, request.wheelhouse
        deadline = Deadline.after(request.timeout)
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
                channels=self.asked.channels,
            )
        except EnvironmentBuildError as error:
            raise with_notes(error, notes) from error
        leave_notes(prefix, notes)
        if wheelhouse and wheelhouse.save:
            save_archives(wheelhouse, lock, archives=archives, timeout=deadline.left)
        check_installed(read_prefix(prefix, specs=()), lock, request.name)

    def _installed_packages(self, prefix: Path) -> Iterator[Package]:
        of_conda = read_prefix(prefix, specs=self.asked.specs)
        if self._metaflow:
            yield from (package for package in of_conda if package.name != "metaflow")
            yield replace(self._metaflow, via=())
            return
        added = self.lock.pypi.urls if self.lock.pypi else {}
        packages = read_manifest(prefix, requirements=self.requirements.requirements, urls=added)
        yield from (package for package in packages if package.name in added)
        yield from (disambiguate_from_pypi(package, added) for package in of_conda)


def _archives(prefix: Path) -> Path:
    """Return the cache folder of archives; a folder in the prefix if the cache is not writable."""
    return user_cache("conda") or prefix / "archives"


def disambiguate_from_pypi(package: Package, added: Container[str]) -> Package:
    """Return a conda package under a name that no package from PyPI has.

    If both have a package of one name (`redis` is a server for conda, a client on PyPI), conda's is
    renamed to `conda::redis`, in conda's own syntax for channels.
    """
    return replace(package, name=f"conda::{package.name}") if package.name in added else package
