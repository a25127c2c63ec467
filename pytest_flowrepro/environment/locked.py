"""Installs what a lock says into a new environment, and makes sure that nothing else is there."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Literal

from packaging.version import Version

from pytest_flowrepro.environment.failures import platform_notes, unusable_lock, with_notes
from pytest_flowrepro.environment.files import read_files, states
from pytest_flowrepro.environment.interface import installer_named
from pytest_flowrepro.environment.manifest import installed_versions, marker_environment
from pytest_flowrepro.environment.verify import unlike_record
from pytest_flowrepro.environment.wheelhouse import NO_WHEELS, gather_wheels
from pytest_flowrepro.errors import EnvironmentBuildError
from pytest_flowrepro.index_settings import uv_cache
from pytest_flowrepro.lock_file import (
    InvalidLockError,
    parse_lock,
    refuse_unlike_lock,
    unlike_lock,
)
from pytest_flowrepro.wording import some_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_flowrepro.environment.files import InstalledFile, State
    from pytest_flowrepro.environment.verify import Difference
    from pytest_flowrepro.environment.wheelhouse import Wheelhouse
    from pytest_flowrepro.lock_file import LockedPackage

_NOTES = "flowrepro-notes.txt"

_UNCACHED = "the cache of pytest-flowrepro cannot be written: packages were downloaded anew"


def install_locked(
    lock: str,
    folder: Path,
    *,
    create: Callable[[float], Path],
    name: str,
    installer: Literal["uv", "pip-tools"],
    timeout: float,
    wheelhouse: Wheelhouse | None = None,
) -> dict[str, InstalledFile]:
    """Add what a lock of PyPI's packages says to the environment that `create` makes at `folder`
    anew; the files that are there then.

    `create` gets the seconds that it may take and gives the interpreter; it is called again where
    a package has to be fetched anew. Raises `EnvironmentBuildError` as `build_environment` does.
    """
    deadline = time.monotonic() + timeout
    locked = _locked_packages(lock, name)
    differences: tuple[Difference, ...] = ()
    for _ in range(2):
        python = create(max(deadline - time.monotonic(), 0))
        before = {path: state for path, state in states(folder).items() if path != _NOTES}
        given = installed_versions(folder)
        _install(
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
        differences = unlike_record(folder, files, ours=before.keys())
        if not differences:
            _refuse_replaced(before, files, name)
            markers = marker_environment(folder)
            wanted = tuple(package for package in locked if package.is_for(markers))
            compare(installed_versions(folder), wanted, given=given, name=name)
            return files
        # A flow edited a file that it shared with the installer's cache, or the machine went down
        # before all of it was on the disk. The package is fetched anew, once.
        spoiled = {one.package for one in differences}
        installer_named(installer).forget(
            sorted(one.name for one in locked if one.name in spoiled or None in spoiled),
            folder=folder,
            timeout=max(deadline - time.monotonic(), 0),
        )
    raise _not_as_recorded(differences, name)


def _install(
    lock: str,
    locked: tuple[LockedPackage, ...],
    *,
    name: str,
    python: Path,
    folder: Path,
    installer: Literal["uv", "pip-tools"],
    deadline: float,
    wheelhouse: Wheelhouse | None,
) -> None:
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
    lock_file = folder / f"lock-{name}.txt"
    lines = (_line(package, there=package.name in wheels.names) for package in locked)
    lock_file.write_text("".join(lines), encoding="utf-8")
    left = max(deadline - time.monotonic(), 0)
    try:
        installer_named(installer).install(lock_file, python=python, timeout=left, wheels=wheels)
    except EnvironmentBuildError as error:
        raise with_notes(error, (*platform_notes(lock), *wheels.notes)) from error
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    uncached = installer == "uv" and not wheels.complete and uv_cache() is None
    leave_notes(folder, (*wheels.notes, *([_UNCACHED] if uncached else ())))


def _line(package: LockedPackage, *, there: bool) -> str:
    """For the installer; what is there is not to be fetched from its URL all the same."""
    pin = f"{package.name}=={package.version}" if there else package.pin
    marker = f" ; {package.marker}" if package.marker else ""
    return f"{pin}{marker}{''.join(f' --hash={value}' for value in package.hashes)}\n"


def leave_notes(environment: Path, notes: tuple[str, ...]) -> None:
    """Keep sentences for `build_notes` with the environment, whoever uses it later."""
    with (environment / _NOTES).open("a", encoding="utf-8") as file:
        file.writelines(f"{note}\n" for note in notes)


def build_notes(environment: Path) -> tuple[str, ...]:
    """Sentences about how an environment was built: what its wheelhouse did not have."""
    file = environment / _NOTES
    return tuple(file.read_text("utf-8").splitlines()) if file.exists() else ()


def _locked_packages(lock: str, name: str) -> tuple[LockedPackage, ...]:
    try:
        return parse_lock(lock)
    except InvalidLockError as error:
        raise unusable_lock(error, name) from error


def _refuse_replaced(
    before: Mapping[str, State], now: Mapping[str, InstalledFile], name: str
) -> None:
    paths = [path for path in before if path not in now or now[path].state != before[path]]
    if paths:
        raise EnvironmentBuildError(
            f"In the environment {name}, packages of PyPI's replace files that were there: "
            f"{some_of(paths)}.",
            hint="take the packages that share these files from one of conda and PyPI.",
        )


def _not_as_recorded(differences: tuple[Difference, ...], name: str) -> EnvironmentBuildError:
    packages = sorted({one.package for one in differences if one.package})
    return EnvironmentBuildError(
        f"The environment {name} has files that are not what its wheels say: "
        f"{some_of(packages or [one.path for one in differences])}.",
        hint="they were fetched anew, and differ still: the wheel is broken, so choose another "
        "version; or something on this machine edits files while they are installed.",
        detail="\n".join(map(str, differences[:20])),
    )


def _as_locked(version: str, locked: str | None) -> str:
    """The version as its lock spells it: `1.0` is `1.0.0`."""
    if locked is None or version == locked:
        return version
    return locked if Version(version) == Version(locked) else version


def compare(
    there: Mapping[str, str],
    locked: tuple[LockedPackage, ...],
    *,
    given: Mapping[str, str],
    name: str,
) -> None:
    """Raises `EnvironmentBuildError` unless what is installed is what was there before, and what
    the lock says, name by name and version by version.
    """
    wanted = {**given, **{package.name: package.version for package in locked}}
    known = {name: _as_locked(version, wanted.get(name)) for name, version in there.items()}
    problems = unlike_lock(known, wanted)
    refuse_unlike_lock(problems, environment=name, culprit="a wheel on the index")
