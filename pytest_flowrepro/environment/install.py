"""Install a lock into a new environment, and verify that nothing else is installed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from pytest_flowrepro.environment.failures import check_against_lock, platform_notes, with_notes
from pytest_flowrepro.environment.installed_files import states
from pytest_flowrepro.environment.interface import installer_named
from pytest_flowrepro.environment.manifest import installed_versions, marker_environment
from pytest_flowrepro.environment.wheelhouse.wheelhouse import NO_WHEELS, gather_wheels
from pytest_flowrepro.lockfile.pypi import diff_against_lock
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import EnvironmentBuildError
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.environment.installed_files import State
    from pytest_flowrepro.environment.request import InstallRequest
    from pytest_flowrepro.environment.wheelhouse.wheelhouse import Wheels
    from pytest_flowrepro.model import LockedPackage, PypiLock

_NOTES = "flowrepro-notes.txt"


def install_locked(
    lock: PypiLock,
    folder: Path,
    request: InstallRequest,
    *,
    create: Callable[[float], Path],
) -> None:
    """Install the packages of a lock into the environment that `create` builds at `folder`.

    `create` gets the seconds that it may take and returns the interpreter. Raises
    `EnvironmentBuildError` as an `EnvironmentBuilder` does.
    """
    deadline = Deadline.after(request.timeout)
    python = create(deadline.left)
    before = {path: state for path, state in states(folder).items() if path != _NOTES}
    preinstalled = installed_versions(folder)
    _install(lock, folder, replace(request, timeout=deadline.left), python=python)
    _check_not_replaced(before, states(folder), request.name)
    markers = marker_environment(folder)
    locked = tuple(package for package in lock.packages if package.is_for(markers))
    compare(installed_versions(folder), locked, preinstalled=preinstalled, name=request.name)


def _install(lock: PypiLock, folder: Path, request: InstallRequest, *, python: Path) -> None:
    deadline = Deadline.after(request.timeout)
    wheels = gather_wheels(request, lock.packages, environment=folder, folder=folder / "wheels")
    lock_file = folder / f"lock-{request.name}.txt"
    installer = installer_named(request.installer)
    for packages, source in _by_source(lock.packages, wheels):
        lines = (_requirement_line(package, is_local=source.complete) for package in packages)
        lock_file.write_text("".join(lines), encoding="utf-8")
        try:
            installer.install(
                lock_file,
                python=python,
                timeout=deadline.left,
                wheels=source,
                indexes=request.indexes,
            )
        except EnvironmentBuildError as error:
            raise with_notes(error, (*platform_notes(lock), *wheels.notes)) from error
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    leave_notes(folder, wheels.notes)


def _by_source(
    locked: tuple[LockedPackage, ...], wheels: Wheels
) -> Iterator[tuple[tuple[LockedPackage, ...], Wheels]]:
    """Yield the packages that exist as files first.

    uv may download them again if it has an index, too.
    """
    if wheels.complete:
        yield locked, wheels
        return
    present = tuple(package for package in locked if package.name in wheels.names)
    if present:
        yield present, replace(wheels, complete=True)
    yield tuple(package for package in locked if package not in present), NO_WHEELS


def _requirement_line(package: LockedPackage, *, is_local: bool) -> str:
    """Return the line of a package for the installer.

    It has no URL if the wheel is a local file.
    """
    return f"{(replace(package, url=None) if is_local else package).line}\n"


def leave_notes(environment: Path, notes: tuple[str, ...]) -> None:
    """Keep sentences for `build_notes` with the environment, for all its users."""
    with (environment / _NOTES).open("a", encoding="utf-8") as file:
        file.writelines(f"{note}\n" for note in notes)


def build_notes(environment: Path) -> tuple[str, ...]:
    """Return sentences about the build of an environment, such as wheels not in its wheelhouse."""
    file = environment / _NOTES
    return tuple(file.read_text("utf-8").splitlines()) if file.exists() else ()


def _check_not_replaced(before: Mapping[str, State], now: Mapping[str, State], name: str) -> None:
    paths = [path for path, state in before.items() if now.get(path) != state]
    if paths:
        raise EnvironmentBuildError(
            f"Packages from PyPI overwrite files of conda packages in the environment {name}: "
            f"{truncate_list(paths)}",
            hint="take the packages that share these files all from conda, or all from PyPI",
        )


def _as_locked(version: str, locked: str | None) -> str:
    """Return the version in the spelling of its lock: `1.0` is `1.0.0`."""
    if locked is None or version == locked:
        return version
    return locked if Version(version) == Version(locked) else version


def compare(
    installed: Mapping[str, str],
    locked: tuple[LockedPackage, ...],
    *,
    preinstalled: Mapping[str, str],
    name: str,
) -> None:
    """Raise `EnvironmentBuildError` unless exactly the expected packages are installed.

    They are those that were there before and those of the lock, by name and version.
    """
    expected = {**preinstalled, **{package.name: package.version for package in locked}}
    comparable = {
        name: _as_locked(version, expected.get(name)) for name, version in installed.items()
    }
    problems = diff_against_lock(comparable, expected)
    check_against_lock(problems, environment=name, culprit="a wheel on the index")
