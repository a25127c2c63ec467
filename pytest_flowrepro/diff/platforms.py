"""Differences between two environments that the difference of their machines explains.

A lock may be for every platform: its markers (PEP 508) give one machine packages that another one
does not get, and its hashes are those of every platform's wheels. A difference that the lock itself
makes between two machines is not a drift. Every other difference is: on one platform, and if the
lock cannot be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_version

from pytest_flowrepro.model import pypi_part

if TYPE_CHECKING:
    from pytest_flowrepro.model import (
        Environment,
        Interpreter,
        Lock,
        LockedPackage,
        Package,
        System,
    )

# The names that another marker has for values of sys.platform.
_SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """Two environments of one name, and their machines."""

    old: Environment
    new: Environment
    old_system: System
    new_system: System


def platform_reason(sides: Sides, old: Package | None, new: Package | None) -> str | None:
    """Return how the lock explains that a package differs between two platforms, or None.

    Both locks must select the installed packages of each machine, for either of the two Pythons: a
    difference due to the interpreter, or to a changed lock, is not one of the platform.
    """
    if sides.old_system == sides.new_system or not _as_locked(sides, old, new):
        return None
    if any(side and side.direct_url for side in (old, new)):  # one wheel for all platforms
        return None
    if old is None or new is None:
        return "the lock's markers include it on one of the two platforms only"
    if old.version != new.version:
        return "the lock's markers select a different version on each of the two platforms"
    if not _for_other_platforms(old.wheel, new.wheel) or not _same_files_locked(sides, old):
        return None
    return f"each platform's own wheel: {old.wheel} -> {new.wheel}"


def _as_locked(sides: Sides, old: Package | None, new: Package | None) -> bool:
    package = old or new
    assert package is not None
    return all(
        locked_version(lock, package.name, system, python)
        == (canonicalize_version(side.version) if side else None)
        for lock in (sides.old.lock, sides.new.lock)
        for python in (sides.old.python, sides.new.python)
        for system, side in ((sides.old_system, old), (sides.new_system, new))
    )


def locked_version(lock: Lock, name: str, system: System, python: Interpreter) -> str | None:
    """Return the canonical version of a package that a lock gives to a machine, or None."""
    markers = _markers(system, python)
    return next(
        (
            canonicalize_version(package.version)
            for package in _pypi_packages(lock)
            if package.name == name and _is_for(package, markers)
        ),
        None,
    )


def _is_for(package: LockedPackage, markers: dict[str, str]) -> bool:
    try:
        return package.is_for(markers)
    except ValueError:  # such as `sys_platform ~= "linux"`, which no resolver writes
        return False


def _pypi_packages(lock: Lock) -> tuple[LockedPackage, ...]:
    pypi = pypi_part(lock)
    return pypi.packages if pypi else ()


def _markers(system: System, python: Interpreter) -> dict[str, str]:
    """Return the PEP 508 marker environment of a machine, taken from its manifest.

    The kernel's release and version are not in it: they are empty on both sides.
    """
    return {
        **python.markers(),
        "os_name": "nt" if system.platform == "win32" else "posix",
        "platform_machine": system.machine,
        "platform_release": "",
        "platform_system": _SYSTEMS.get(system.platform, system.platform),
        "platform_version": "",
        "sys_platform": system.platform,
    }


def _for_other_platforms(old: str | None, new: str | None) -> bool:
    """Return whether two wheels differ in their platform tags, the last part of their tags."""
    return bool(old and new and old.rpartition("-")[2] != new.rpartition("-")[2])


def _same_files_locked(sides: Sides, package: Package) -> bool:
    """Return whether the new lock still allows all the files that the old one allows."""
    before, now = (
        {
            value
            for locked in _pypi_packages(lock)
            if locked.name == package.name
            for value in locked.hashes
        }
        for lock in (sides.old.lock, sides.new.lock)
    )
    return before <= now
