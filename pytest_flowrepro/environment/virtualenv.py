"""Builds environments, each from its lock alone, and shares them within a session."""

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
    """Build a fresh virtualenv at `folder` that holds what the lock says, and nothing else.

    `requirements` are what the flow asks for, as PEP 508 lines; they tell direct packages from
    those that came along. Whatever was at `folder` is deleted. Raises `EnvironmentBuildError` when
    an installation fails or takes too long, what was installed is not what the lock says, or its
    wheels are to be saved and cannot be.
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
    """As `build_environment`, but built once for all who ask for the same lock, interpreter,
    installer and wheelhouse with the same `folder`, in this process or another.

    An environment in which a file was edited since, by a flow that ran in it, is built anew
    beside it; whoever still runs in the edited one is left alone.
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
    """Where the environment of that identity stands, below `folder`; built there if there is none
    that nobody edited. `build` gets the place and the seconds that it may take, and notes that it
    is complete.
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
    """Return the first of the places for a build where there is none, half of one, or one in which
    nobody edited a file.
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
