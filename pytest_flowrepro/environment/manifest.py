"""What a virtualenv, or a prefix of conda's, holds, read from its files: no package's code runs."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import re
import sys
from importlib.metadata import PathDistribution
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import platform_tags
from packaging.utils import canonicalize_name

from pytest_flowrepro.environment.markers import markers_of
from pytest_flowrepro.model import Interpreter, Package, System
from pytest_flowrepro.support.errors import EnvironmentBuildError
from pytest_flowrepro.support.hardware import read_hardware

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Written by the installer and not part of the wheel, or different on each machine: scripts name
# the interpreter in their first line.
_BY_INSTALLER = re.compile(
    r"^(\.\./)+(bin|Scripts)/|^/|\.pyc$"
    r"|\.dist-info/(INSTALLER|RECORD(\.jws|\.p7s)?|REQUESTED|direct_url\.json|uv_\w+\.json)$"
)
_REQUIRED_NAME = re.compile(r"\s*([A-Za-z0-9]([\w.-]*[A-Za-z0-9])?)")


def read_manifest(
    environment: Path,
    *,
    requirements: tuple[str, ...],
    urls: Mapping[str, str | None] = MappingProxyType({}),
) -> tuple[Package, ...]:
    """Return the installed distributions, sorted by name.

    `requirements` are what the flow asks for, as PEP 508 lines, `urls` where the lock has its
    packages from, if not from an index: a wheel from the wheelhouse came by none. Raises
    `EnvironmentBuildError` for a distribution whose metadata cannot be read.
    """
    found, packages = _distributions(environment), site_packages(environment)
    via = _required_by(found, requirements, marker_environment(environment))
    return tuple(
        Package(
            name=name,
            version=distribution.version,
            record=record_digest(_record(distribution, packages, name)),
            via=via[name],
            direct_url=urls.get(name),
            wheel=wheel_tags(distribution.read_text("WHEEL") or ""),
        )
        for name, distribution in sorted(found.items())
    )


def installed_versions(environment: Path) -> dict[str, str]:
    """Canonical name -> version of each distribution."""
    return {name: found.version for name, found in _distributions(environment).items()}


class _Distribution(PathDistribution):
    """A distribution whose files need not be UTF-8: METADATA of old wheels may be Latin-1."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def read_text(self, filename: str | os.PathLike[str]) -> str | None:
        try:
            return (self._folder / filename).read_text("utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    @property
    def version(self) -> str:
        version: str | None = self.metadata["Version"]
        if version is None:
            raise _unreadable(self._folder.name, "METADATA", "it has no version")
        return version


def _distributions(environment: Path) -> dict[str, PathDistribution]:
    folders = sorted(site_packages(environment).glob("*.dist-info"))
    names = (one.name.removesuffix(".dist-info").rpartition("-")[0] for one in folders)
    return {
        canonicalize_name(name): _Distribution(folder)
        for name, folder in zip(names, folders, strict=True)
    }


def record_digest(record: str) -> str:
    """`sha256:...` of the sorted `path,hash` lines of a RECORD (PEP 376, PEP 627).

    The same for uv and pip, on every machine, as long as the wheel is the same.
    """
    rows = [row for row in csv.reader(record.splitlines()) if len(row) >= 2]
    lines = sorted(f"{row[0]},{row[1]}\n" for row in rows if not _BY_INSTALLER.search(row[0]))
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def wheel_tags(metadata: str) -> str | None:
    """Return the tags of a WHEEL file (PEP 427), sorted and compressed as in a wheel's name (PEP
    425).

    None where it has none that are tags.
    """
    lines = (line.partition(":") for line in metadata.splitlines())
    tags = [value.strip().split("-") for name, _, value in lines if name.strip() == "Tag"]
    if not tags or any(len(tag) != 3 for tag in tags):
        return None
    return "-".join(".".join(sorted(set(part))) for part in zip(*tags, strict=True))


def site_packages(environment: Path) -> Path:
    # conda-forge's Python has a link beside the folder: lib/python3.1 -> python3.11
    found = [
        folder
        for folder in environment.glob("lib/*/site-packages")
        if not folder.parent.is_symlink()
    ]
    if len(found) != 1:
        raise EnvironmentBuildError(
            f"Expected one site-packages folder in {environment}, found {len(found)}",
            hint="delete the folder and run the check again",
        )
    return found[0]


def interpreter_of(environment: Path) -> Interpreter:
    implementation, version = _interpreter(environment)
    return Interpreter(implementation.lower(), version)


def base_prefix(environment: Path) -> Path:
    """Where the interpreter that a virtualenv was made of is installed."""
    return Path(_pyvenv(environment)["base-prefix"])


def marker_environment(environment: Path) -> dict[str, str]:
    """Return the environment of PEP 508 markers there, on this machine."""
    return markers_of(interpreter_of(environment), environment / "bin" / "python")


def system_of() -> System:
    """Return the layers below an environment of this machine: `linux`, `x86_64`, `glibc 2.36`.

    With the interpreter, which each environment has its own of, they decide which wheels fit
    (`packaging.tags`).
    """
    hardware = read_hardware()
    return System(
        platform=sys.platform,
        processors=hardware.processors,
        usable=hardware.usable,
        level=hardware.level,
        machine=platform.machine(),
        libc=libc_name(platform.libc_ver(), mac=platform.mac_ver()[0], tags=platform_tags()),
    )


def libc_name(found: tuple[str, str], *, mac: str, tags: Iterable[str]) -> str:
    """`glibc 2.36`, `musl 1.2`, or `macos 14.5`, where the C library is a part of the system.

    `found` is what `platform.libc_ver` says, which does not know musl under every Python.
    """
    if mac:
        return f"macos {mac}"
    musl = next((tag.split("_") for tag in tags if tag.startswith("musllinux_")), None)
    return f"musl {musl[1]}.{musl[2]}" if musl else " ".join(found).strip()


def _interpreter(environment: Path) -> tuple[str, str]:
    """`CPython` and `3.11.7`: virtualenv notes them in pyvenv.cfg, conda in conda-meta, where a
    `python` may be PyPy's by its build alone.
    """
    for file in environment.glob("conda-meta/python-*.json"):
        meta = json.loads(file.read_text("utf-8"))
        if meta["name"] == "python":
            return "PyPy" if "pypy" in meta["build"] else "CPython", meta["version"]
    settings = _pyvenv(environment)
    return settings["implementation"], settings["version"]


def _pyvenv(environment: Path) -> dict[str, str]:
    lines = (environment / "pyvenv.cfg").read_text("utf-8").splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _required_by(
    found: Mapping[str, PathDistribution], requirements: tuple[str, ...], markers: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Name -> the names of those that require it, none for what the flow itself asks for.

    An extra counts where somebody who counts asks for it, so it is looked at until nothing new
    comes up.
    """
    asked = [line for line in map(Requirement, requirements) if _applies(line, {""}, markers)]
    direct = {canonicalize_name(requirement.name) for requirement in asked}
    extras = {name: {""} for name in found}
    for requirement in asked:
        extras.setdefault(canonicalize_name(requirement.name), {""}).update(requirement.extras)
    edges: set[tuple[str, str]] = set()
    grew = True
    while grew:
        before = len(edges), sum(map(len, extras.values()))
        for name, distribution in found.items():
            for requirement in _requires(distribution):
                needed = canonicalize_name(requirement.name)
                if needed in found and _applies(requirement, extras[name], markers):
                    edges.add((name, needed))
                    extras[needed] |= requirement.extras
        grew = before != (len(edges), sum(map(len, extras.values())))
    return {
        name: () if name in direct else tuple(sorted(by for by, needed in edges if needed == name))
        for name in found
    }


def _applies(requirement: Requirement, extras: set[str], markers: dict[str, str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**markers, "extra": extra}) for extra in extras)


def _requires(distribution: PathDistribution) -> list[Requirement]:
    """Return what a distribution requires; of a line from before PEP 508, the name alone."""
    found = []
    for line in distribution.requires or ():
        try:
            found.append(Requirement(line))
        except InvalidRequirement:
            if match := _REQUIRED_NAME.match(line):
                found.append(Requirement(match[1]))
    return found


def _record(distribution: PathDistribution, packages: Path, name: str) -> str:
    """Return the lines of RECORD whose files are there: uv leaves the others out, pip does not."""
    text = distribution.read_text("RECORD")
    if text is None:
        raise _unreadable(name, "RECORD", "the file is missing")
    return "".join(
        line
        for line in text.splitlines(keepends=True)
        if os.path.lexists(packages / next(csv.reader([line]), [""])[0])
    )


def _unreadable(name: str, file: str, reason: str) -> EnvironmentBuildError:
    return EnvironmentBuildError(
        f"{file} of the installed {name} cannot be used",
        hint=f"choose another version of {name}: the wheel of this one is broken",
        detail=reason,
    )
