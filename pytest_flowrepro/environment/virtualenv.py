"""Build environments, each from its lock alone, and share them within a session."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.install import build_notes, install_locked
from pytest_flowrepro.environment.installed_files import edited_files, is_complete, note_complete
from pytest_flowrepro.environment.interpreter import create_virtualenv
from pytest_flowrepro.environment.manifest import interpreter_of, read_manifest
from pytest_flowrepro.model import BuiltEnvironment, Environment
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.environment.request import InstallRequest
    from pytest_flowrepro.model import PypiLock


def build_environment(
    lock: PypiLock,
    request: InstallRequest,
    *,
    requirements: tuple[str, ...],
    python: Path,
    folder: Path,
) -> BuiltEnvironment:
    """Build a new virtualenv at `folder` with exactly the packages of the lock.

    `requirements` are those of the flow, as PEP 508 lines, and distinguish direct packages from
    transitive ones. An existing folder is deleted. Raises `EnvironmentBuildError` if an
    installation fails or takes too long, if the installed packages do not match the lock, or if its
    wheels cannot be saved.
    """
    _build(lock, request, python=python, folder=folder)
    return _described(folder, lock, request.name, requirements)


def _build(lock: PypiLock, request: InstallRequest, *, python: Path, folder: Path) -> None:
    def create(_: float) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        return create_virtualenv(folder, python=python)

    install_locked(lock, folder, request, create=create)
    note_complete(folder)


def shared_environment(
    lock: PypiLock,
    request: InstallRequest,
    *,
    requirements: tuple[str, ...],
    python: Path,
    folder: Path,
) -> BuiltEnvironment:
    """Build an environment as `build_environment` does, once per lock, interpreter, installer,
    wheelhouse and `folder`, in all processes of the session.

    If a flow that ran in it edited a file, another one is built next to it; flows that still run in
    the edited one are not disturbed.
    """

    def build(place: Path, left: float) -> None:
        _build(lock, replace(request, timeout=left), python=python, folder=place)

    identity = f"{lock.digest}\n{python}\n{request.installer}\n{request.wheelhouse}"
    place = shared_place(identity, request, folder=folder, build=build)
    return _described(place, lock, request.name, requirements)


def shared_place(
    identity: str,
    request: InstallRequest,
    *,
    folder: Path,
    build: Callable[[Path, float], object],
) -> Path:
    """Return the environment's folder, building it unless an unmodified one exists below `folder`.

    `build` gets the folder and the seconds that it may take, and marks it as complete.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  heavy imports wait for their use

    deadline = Deadline.after(request.timeout)
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock", timeout=request.timeout):
            place = _unused_or_clean(folder, key)
            if not is_complete(place):
                build(place, deadline.left)
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
    """Return the first folder for a build that does not exist, is incomplete, or has no edited
    files.
    """
    places = (folder / f"{key}-{number}" for number in itertools.count())
    return next(place for place in places if not is_complete(place) or not edited_files(place))


def _described(
    folder: Path, lock: PypiLock, name: str, requirements: tuple[str, ...]
) -> BuiltEnvironment:
    manifest = Environment(
        name=name,
        python=interpreter_of(folder),
        requirements=tuple(sorted(requirements)),
        packages=read_manifest(folder, requirements=requirements, urls=lock.urls),
        lock=lock,
    )
    return BuiltEnvironment(
        path=folder,
        python=folder / "bin" / "python",
        manifest=manifest,
        notes=build_notes(folder),
    )
