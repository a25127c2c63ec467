"""The interface of environment builders, and their common parts.

There is one builder for each kind of environment. Each builds an environment once for all flows of
a session that ask for the same one.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pytest_flowrepro.environment.install import build_notes
from pytest_flowrepro.environment.installed_files import edited_files, is_complete
from pytest_flowrepro.environment.manifest import interpreter_of
from pytest_flowrepro.environment.numerics import read_numerics
from pytest_flowrepro.model import BuiltEnvironment, Environment
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pytest_flowrepro.environment.request import InstallRequest
    from pytest_flowrepro.model import Lock, Package, Requirements


class EnvironmentBuilder(Protocol):
    """The content of an environment, and the way to build it."""

    @property
    def lock(self) -> Lock: ...

    @property
    def requirements(self) -> Requirements:
        """Return the requirements of the lock, as they are declared today."""
        ...

    def build(self, request: InstallRequest, folder: Path) -> BuiltEnvironment:
        """Return the environment of the lock, below `folder`.

        Requests for the same packages and installation get the same environment.

        If a flow that ran in it edited a file, another one is built next to it; flows that still
        run in the edited one are not disturbed. Raises `EnvironmentBuildError`.
        """
        ...


def shared_place(
    identity: str,
    request: InstallRequest,
    *,
    folder: Path,
    build: Callable[[Path, InstallRequest], None],
) -> Path:
    """Return the environment's folder, building it unless an unmodified one exists below `folder`.

    `build` gets the folder and the request with the seconds that are left, and marks the folder as
    complete.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  heavy imports wait for their use

    deadline = Deadline.after(request.timeout)
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock", timeout=request.timeout):
            place = _unused_or_clean(folder, key)
            if not is_complete(place):
                build(place, replace(request, timeout=deadline.left))
            return place
    except Timeout as error:
        raise EnvironmentBuildError(
            f"Another worker is still building the environment {request.name} after "
            f"{request.timeout:.0f} s",
            hint="check that the package index can be reached and run again",
        ) from error
    except OSError as error:
        raise EnvironmentBuildError(
            f"The environment {request.name} cannot be built in {folder}",
            hint="check that the disk is not full and that the folder is writable",
            detail=str(error),
        ) from error


def _unused_or_clean(folder: Path, key: str) -> Path:
    """Return the first folder that is missing, incomplete, or without edited files."""
    places = (folder / f"{key}-{number}" for number in itertools.count())
    return next(place for place in places if not is_complete(place) or not edited_files(place))


def built_environment(
    place: Path,
    lock: Lock,
    request: InstallRequest,
    requirements: Requirements,
    *,
    declared: Iterable[str],
    packages: Iterable[Package],
) -> BuiltEnvironment:
    """Return an environment that was built at `place`, with its manifest.

    `declared` are the lines of its requirements as the manifest shows them. Raises
    `EnvironmentBuildError` if its numpy does not start.
    """
    manifest = Environment(
        name=request.name,
        python=interpreter_of(place),
        packages=tuple(sorted(packages, key=lambda package: package.name)),
        lock=lock,
        requirements=tuple(sorted(declared)),
        constraints=requirements.constraint_sources,
        steps=request.steps,
    )
    built = BuiltEnvironment(
        path=place,
        python=place / "bin" / "python",
        manifest=manifest,
        local=requirements.local,
        notes=(*requirements.notes, *lock.notes, *build_notes(place)),
    )
    return replace(built, numerics=read_numerics(built))
