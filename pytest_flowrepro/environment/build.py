"""Builds environments, each from its lock alone, and shares them within a session."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from typing import TYPE_CHECKING, Literal

from packaging.version import Version

from pytest_flowrepro.environment.bytecode import fix_source_times, keep_bytecode
from pytest_flowrepro.environment.failures import platform_notes, unusable_lock, with_notes
from pytest_flowrepro.environment.files import (
    edited_files,
    is_complete,
    note_complete,
    read_files,
)
from pytest_flowrepro.environment.interface import installer_named
from pytest_flowrepro.environment.interpreter import create_virtualenv
from pytest_flowrepro.environment.manifest import (
    interpreter_of,
    marker_environment,
    read_manifest,
    site_packages,
)
from pytest_flowrepro.environment.verify import unlike_record
from pytest_flowrepro.environment.wheelhouse import NO_WHEELS, gather_wheels
from pytest_flowrepro.errors import EnvironmentBuildError
from pytest_flowrepro.index_settings import uv_cache
from pytest_flowrepro.lock_file import InvalidLockError, parse_lock
from pytest_flowrepro.model import BuiltEnvironment, Environment
from pytest_flowrepro.wording import some_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.environment.files import InstalledFile
    from pytest_flowrepro.environment.verify import Difference
    from pytest_flowrepro.environment.wheelhouse import Wheelhouse
    from pytest_flowrepro.lock_file import LockedPackage
    from pytest_flowrepro.model import Lock, Package

_NOTES = "flowrepro-notes.txt"

_UNCACHED = "the cache of pytest-flowrepro cannot be written: packages were downloaded anew"


def build_environment(
    lock: Lock,
    *,
    name: str,
    requirements: tuple[str, ...],
    python: Path,
    folder: Path,
    installer: Literal["uv", "pip-tools"],
    timeout: float,
    wheelhouse: Wheelhouse | None = None,
) -> BuiltEnvironment:
    """A fresh virtualenv at `folder` that holds what the lock says, and nothing else.

    `requirements` are what the flow asks for, as PEP 508 lines; they tell direct packages from
    those that came along. Wheels are taken from the wheelhouse first. Whatever was at `folder` is
    deleted. Raises `EnvironmentBuildError` when the lock is not valid, an installation fails or
    takes more than `timeout` seconds, what was installed is not what the lock says, or its wheels
    are to be saved and cannot be.
    """
    deadline = time.monotonic() + timeout
    locked = _locked_packages(lock, name)
    files: dict[str, InstalledFile] = {}
    differences: tuple[Difference, ...] = ()
    for _ in range(2):
        ours = _install(
            lock,
            locked,
            name=name,
            python=python,
            folder=folder,
            installer=installer,
            deadline=deadline,
            wheelhouse=wheelhouse,
        )
        files = read_files(folder)
        differences = unlike_record(folder, files, ours=ours)
        if not differences:
            break
        # A flow edited a file that it shared with the installer's cache, or the machine went down
        # before all of it was on the disk. The package is fetched anew, once.
        spoiled = {one.package for one in differences}
        installer_named(installer).forget(
            sorted(one.name for one in locked if one.name in spoiled or None in spoiled),
            folder=folder,
            timeout=max(deadline - time.monotonic(), 0),
        )
    if differences:
        raise _not_as_recorded(differences, name)
    built = _described(folder, lock, name, requirements)
    compare(built.manifest.packages, locked, marker_environment(folder), name)
    files = fix_source_times(folder, files)
    keep_bytecode(built)
    note_complete(folder, files)
    return built


def _install(
    lock: Lock,
    locked: tuple[LockedPackage, ...],
    *,
    name: str,
    python: Path,
    folder: Path,
    installer: Literal["uv", "pip-tools"],
    deadline: float,
    wheelhouse: Wheelhouse | None,
) -> frozenset[str]:
    """A virtualenv with what the lock says; gives what site-packages had in it before that."""
    shutil.rmtree(folder, ignore_errors=True)
    venv_python = create_virtualenv(folder, python=python)
    ours = frozenset(file.name for file in site_packages(folder).iterdir())
    lock_file = folder / f"lock-{name}.txt"
    lock_file.write_text(lock.text, encoding="utf-8")
    wheels = NO_WHEELS
    if wheelhouse is not None:
        wheels = gather_wheels(
            wheelhouse,
            locked,
            environment=folder,
            folder=folder / "wheels",
            installer=installer,
            timeout=deadline - time.monotonic(),
        )
    left = max(deadline - time.monotonic(), 0)
    try:
        installer_named(installer).install(
            lock_file, python=venv_python, timeout=left, wheels=wheels
        )
    except EnvironmentBuildError as error:
        raise with_notes(error, (*platform_notes(lock), *wheels.notes)) from error
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    uncached = installer == "uv" and not wheels.complete and uv_cache() is None
    leave_notes(folder, (*wheels.notes, *([_UNCACHED] if uncached else ())))
    return ours


def _not_as_recorded(differences: tuple[Difference, ...], name: str) -> EnvironmentBuildError:
    packages = sorted({one.package for one in differences if one.package})
    return EnvironmentBuildError(
        f"The environment {name} has files that are not what its wheels say: "
        f"{some_of(packages or [one.path for one in differences])}.",
        hint="they were fetched anew, and differ still: the wheel is broken, so choose another "
        "version; or something on this machine edits files while they are installed.",
        detail="\n".join(map(str, differences[:20])),
    )


def shared_environment(
    lock: Lock,
    *,
    name: str,
    requirements: tuple[str, ...],
    python: Path,
    folder: Path,
    installer: Literal["uv", "pip-tools"],
    timeout: float,
    wheelhouse: Wheelhouse | None = None,
) -> BuiltEnvironment:
    """As `build_environment`, but built once for all who ask for the same lock, interpreter,
    installer and wheelhouse with the same `folder`, in this process or another.

    An environment in which a file was edited since, by a flow that ran in it, is built anew
    beside it; whoever still runs in the edited one is left alone.
    """

    def build(place: Path, left: float) -> None:
        build_environment(
            lock,
            name=name,
            requirements=requirements,
            python=python,
            folder=place,
            installer=installer,
            timeout=left,
            wheelhouse=wheelhouse,
        )

    identity = f"{lock.digest}\n{python}\n{installer}\n{wheelhouse}"
    place = shared_place(identity, folder=folder, name=name, timeout=timeout, build=build)
    return _described(place, lock, name, requirements)


def shared_place(
    identity: str,
    *,
    folder: Path,
    name: str,
    timeout: float,
    build: Callable[[Path, float], object],
) -> Path:
    """Where the environment of that identity stands, below `folder`; built there if there is none
    that nobody edited. `build` gets the place and the seconds that it may take.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  heavy imports wait for their use

    deadline = time.monotonic() + timeout
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock", timeout=timeout):
            place = _unused_or_clean(folder, key)
            if not is_complete(place):
                build(place, max(deadline - time.monotonic(), 0))
                if not is_complete(place):
                    note_complete(place, read_files(place))
            return place
    except Timeout as error:
        raise EnvironmentBuildError(
            f"Another worker is still building the environment {name} after {timeout:.0f} s.",
            hint="check that the package index answers, and try again.",
        ) from error
    except OSError as error:
        raise EnvironmentBuildError(
            f"The environment {name} cannot be built in {folder}.",
            hint="check that the disk is not full and that the folder can be written.",
            detail=str(error),
        ) from error


def leave_notes(environment: Path, notes: tuple[str, ...]) -> None:
    """Keep sentences for `build_notes` with the environment, whoever uses it later."""
    if notes:
        (environment / _NOTES).write_text("\n".join(notes), encoding="utf-8")


def build_notes(environment: Path) -> tuple[str, ...]:
    """Sentences about how an environment was built: what its wheelhouse did not have."""
    file = environment / _NOTES
    return tuple(file.read_text("utf-8").splitlines()) if file.exists() else ()


def _unused_or_clean(folder: Path, key: str) -> Path:
    """The first of the places for a build where there is none, half of one, or one in which
    nobody edited a file.
    """
    places = (folder / f"{key}-{number}" for number in itertools.count())
    return next(place for place in places if not is_complete(place) or not edited_files(place))


def _locked_packages(lock: Lock, name: str) -> tuple[LockedPackage, ...]:
    try:
        return parse_lock(lock.text)
    except InvalidLockError as error:
        raise unusable_lock(error, name) from error


def _described(
    folder: Path, lock: Lock, name: str, requirements: tuple[str, ...]
) -> BuiltEnvironment:
    manifest = Environment(
        name=name,
        python=interpreter_of(folder),
        requirements=tuple(sorted(requirements)),
        packages=read_manifest(folder, requirements=requirements),
        lock=lock,
    )
    return BuiltEnvironment(path=folder, python=folder / "bin" / "python", manifest=manifest)


def compare(
    installed: tuple[Package, ...],
    locked: tuple[LockedPackage, ...],
    markers: dict[str, str],
    name: str,
) -> None:
    """Raises `EnvironmentBuildError` unless what is installed is what the lock says for an
    environment with these markers, name by name and version by version.
    """
    wanted = {package.name: package.version for package in locked if package.is_for(markers)}
    there = {package.name: package.version for package in installed}
    problems = [f"{missing} is missing" for missing in sorted(wanted.keys() - there.keys())]
    problems += [f"{extra} is not in the lock" for extra in sorted(there.keys() - wanted.keys())]
    problems += [
        f"{both} is {there[both]}, the lock says {wanted[both]}"
        for both in sorted(wanted.keys() & there.keys())
        if Version(there[both]) != Version(wanted[both])
    ]
    if problems:
        raise EnvironmentBuildError(
            f"The environment {name} is not what its lock says.",
            hint="a wheel on the index names itself wrongly, or the lock was edited: record "
            "again with `--flow-repro-update`.",
            detail="\n".join(problems[:20]),
        )
