"""The packages of a virtualenv or conda prefix, read from its files without running their code."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import platform_tags
from packaging.utils import canonicalize_name

from pytest_flowrepro.environment.distributions import find_distributions
from pytest_flowrepro.environment.markers import markers_of
from pytest_flowrepro.environment.project_links import project_link
from pytest_flowrepro.model import Interpreter, Package, System
from pytest_flowrepro.support.errors import EnvironmentBuildError
from pytest_flowrepro.support.hardware import read_hardware

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_flowrepro.environment.distributions import InstalledDistribution, RecordRow
    from pytest_flowrepro.model import RequirementLine

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
    requirements: tuple[RequirementLine, ...],
    urls: Mapping[str, str | None] = MappingProxyType({}),
) -> tuple[Package, ...]:
    """Return the installed distributions, sorted by name.

    `requirements` are those of the flow. `urls` has the URLs of locked packages
    that do not come from an index; a wheel from the wheelhouse does not record one. Raises
    `EnvironmentBuildError` for a distribution whose metadata cannot be read.
    """
    packages = site_packages(environment)
    distributions = find_distributions(packages)
    via = _required_by(distributions, requirements, marker_environment(environment))
    return tuple(
        Package(
            name=name,
            version=distribution.version,
            record=record_digest(_present(distribution.record(), packages)),
            via=via[name],
            direct_url=urls.get(name),
            wheel=wheel_tags(distribution.read_text("WHEEL") or ""),
            link=project_link(distribution.metadata),
        )
        for name, distribution in distributions.items()
    )


def installed_versions(environment: Path) -> dict[str, str]:
    """Map the canonical name of each distribution to its version."""
    distributions = find_distributions(site_packages(environment))
    return {name: distribution.version for name, distribution in distributions.items()}


def record_digest(record: Iterable[RecordRow]) -> str:
    """Return `sha256:...` of the sorted `path,hash` lines of a RECORD (PEP 376, PEP 627).

    It is equal for uv and pip and on every machine as long as the wheel is the same.
    """
    lines = sorted(
        f"{row.path},{row.digest}\n"
        for row in record
        if row.digest is not None and not _BY_INSTALLER.search(row.path)
    )
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def wheel_tags(metadata: str) -> str | None:
    """Return the tags of a WHEEL file (PEP 427), sorted and compressed as in a file name (PEP 425).

    None if it has no valid tags.
    """
    lines = (line.partition(":") for line in metadata.splitlines())
    tags = [value.strip().split("-") for name, _, value in lines if name.strip() == "Tag"]
    if not tags or any(len(tag) != 3 for tag in tags):
        return None
    return "-".join(".".join(sorted(set(part))) for part in zip(*tags, strict=True))


def site_packages(environment: Path) -> Path:
    # conda-forge's Python has a link next to the folder: lib/python3.1 -> python3.11
    folders = [
        folder
        for folder in environment.glob("lib/*/site-packages")
        if not folder.parent.is_symlink()
    ]
    if len(folders) != 1:
        raise EnvironmentBuildError(
            f"Expected one site-packages folder in {environment}, found {len(folders)}",
            hint="delete the folder and run the check again",
        )
    return folders[0]


def interpreter_of(environment: Path) -> Interpreter:
    implementation, version = _interpreter(environment)
    return Interpreter(implementation.lower(), version)


def base_prefix(environment: Path) -> Path:
    """Return the prefix of the interpreter that a virtualenv was created with."""
    return Path(_pyvenv(environment)["base-prefix"])


def marker_environment(environment: Path) -> dict[str, str]:
    """Return the values of PEP 508 markers in an environment on this machine."""
    return markers_of(interpreter_of(environment), environment / "bin" / "python")


def system_of() -> System:
    """Return platform, architecture and C library of this machine: `linux`, `x86_64`, `glibc 2.36`.

    Together with the interpreter of an environment they decide which wheels fit
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


def libc_name(libc: tuple[str, str], *, mac: str, tags: Iterable[str]) -> str:
    """Return `glibc 2.36` or `musl 1.2`; on macOS, which includes the C library, `macos 14.5`.

    `libc` is the result of `platform.libc_ver`, which does not detect musl under every Python.
    """
    if mac:
        return f"macos {mac}"
    musl = next((tag.split("_") for tag in tags if tag.startswith("musllinux_")), None)
    return f"musl {musl[1]}.{musl[2]}" if musl else " ".join(libc).strip()


def _interpreter(environment: Path) -> tuple[str, str]:
    """Return `CPython` and `3.11.7`, from virtualenv's pyvenv.cfg or from conda-meta.

    In conda-meta only the build distinguishes a `python` that is PyPy.
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
    distributions: Mapping[str, InstalledDistribution],
    requirements: tuple[RequirementLine, ...],
    markers: dict[str, str],
) -> dict[str, tuple[str, ...]]:
    """Map each name to those that require it; to nothing if the flow requires it itself.

    An extra counts if a distribution that counts requires it, so this repeats until nothing
    changes.
    """
    applicable = [line.parsed for line in requirements if _applies(line.parsed, {""}, markers)]
    direct = {canonicalize_name(requirement.name) for requirement in applicable}
    extras = {name: {""} for name in distributions}
    for requirement in applicable:
        extras.setdefault(canonicalize_name(requirement.name), {""}).update(requirement.extras)
    edges: set[tuple[str, str]] = set()
    grew = True
    while grew:
        before = len(edges), sum(map(len, extras.values()))
        for name, distribution in distributions.items():
            for requirement in _requires(distribution):
                needed = canonicalize_name(requirement.name)
                if needed in distributions and _applies(requirement, extras[name], markers):
                    edges.add((name, needed))
                    extras[needed] |= requirement.extras
        grew = before != (len(edges), sum(map(len, extras.values())))
    return {
        name: () if name in direct else tuple(sorted(by for by, needed in edges if needed == name))
        for name in distributions
    }


def _applies(requirement: Requirement, extras: set[str], markers: dict[str, str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**markers, "extra": extra}) for extra in extras)


def _requires(distribution: InstalledDistribution) -> list[Requirement]:
    """Return the requirements of a distribution; only the name from a line older than PEP 508."""
    requirements = []
    for line in distribution.requires or ():
        try:
            requirements.append(Requirement(line))
        except InvalidRequirement:
            if match := _REQUIRED_NAME.match(line):
                requirements.append(Requirement(match[1]))
    return requirements


def _present(rows: Iterable[RecordRow], packages: Path) -> Iterator[RecordRow]:
    """Yield the rows whose files exist: uv omits the others, pip does not."""
    folder = str(packages)  # to join thousands of Paths takes as long as the whole rest
    return (row for row in rows if os.path.lexists(os.path.join(folder, row.path)))  # noqa: PTH118
