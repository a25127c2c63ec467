"""Build virtualenvs, each from its lock alone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.builder import built_environment, shared_place
from pytest_flowrepro.environment.install import install_locked
from pytest_flowrepro.environment.installed_files import completion, note_complete
from pytest_flowrepro.environment.interpreter import create_virtualenv
from pytest_flowrepro.environment.manifest import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.environment.installed_files import State
    from pytest_flowrepro.environment.request import InstallRequest
    from pytest_flowrepro.model import (
        BuiltEnvironment,
        Package,
        PypiLock,
        RequirementLine,
        Requirements,
    )


@lru_cache(maxsize=256)
def _packages(
    place: Path,
    _completion: State,
    requirements: tuple[RequirementLine, ...],
    urls: tuple[tuple[str, str | None], ...],
) -> tuple[Package, ...]:
    """Return the packages of an environment without edited files, read once after its build.

    A flow that has the same environment after another one gets the same answer.
    """
    return read_manifest(place, requirements=requirements, urls=dict(urls))


@dataclass(frozen=True, kw_only=True, slots=True)
class VirtualenvBuilder:
    """A virtualenv with exactly the packages of a lock (an `EnvironmentBuilder`)."""

    lock: PypiLock
    requirements: Requirements
    """The requirements of the flow or step; they distinguish direct packages from transitive
    ones."""
    python: Path
    """The interpreter that it is created from."""

    def build(self, request: InstallRequest, folder: Path) -> BuiltEnvironment:
        """Return the environment, built once for equal locks, interpreters and installations.

        Raises `EnvironmentBuildError` if an installation fails or takes too long, if the installed
        packages do not match the lock, or if its wheels cannot be saved.
        """
        identity = f"{self.lock.contents}\n{self.python}\n{request.installer}\n{request.wheelhouse}"
        place = shared_place(identity, request, folder=folder, build=self._install)
        lines = self.requirements.lines
        return built_environment(
            place,
            self.lock,
            request,
            self.requirements,
            declared=lines,
            packages=_packages(
                place,
                completion(place),
                self.requirements.requirements,
                tuple(self.lock.urls.items()),
            ),
        )

    def _install(self, place: Path, request: InstallRequest) -> None:
        def create(_: float) -> Path:
            shutil.rmtree(place, ignore_errors=True)
            return create_virtualenv(place, python=self.python)

        install_locked(self.lock, place, request, create=create)
        note_complete(place)
