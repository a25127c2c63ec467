"""The packages of a conda prefix, read from its `conda-meta/*.json` without running its code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.environment.failures import check_against_lock
from pytest_flowrepro.lockfile.pypi import diff_against_lock
from pytest_flowrepro.model import CondaSpec, Package
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import CondaLock, LockedArchive


def read_prefix(prefix: Path, *, specs: tuple[CondaSpec, ...]) -> tuple[Package, ...]:
    """Return the installed packages, sorted by name; `specs` are those that the flow requires
    itself.

    `record` is the hash of the package's archive, and `wheel` its platform and build,
    `linux-64/py311h64a7726_0`.
    """
    found = {meta["name"]: meta for meta in _installed(prefix)}
    direct = {spec.name for spec in specs}
    return tuple(
        Package(
            name=name,
            version=meta["version"],
            record=f"sha256:{meta['sha256']}",
            via=() if name in direct else _required_by(name, found),
            wheel=f"{meta['subdir']}/{meta['build']}",
        )
        for name, meta in sorted(found.items())
    )


def locked_package(archive: LockedArchive) -> Package:
    """Return a locked archive as `read_prefix` returns it once installed, but without
    `required_by`.
    """
    return Package(
        name=archive.name,
        version=archive.version,
        record=f"sha256:{archive.sha256}",
        via=(),
        wheel=f"{archive.subdir}/{archive.build}",
    )


def check_installed(installed: tuple[Package, ...], lock: CondaLock, name: str) -> None:
    """Raise `EnvironmentBuildError` unless the installed packages are those of the lock: each
    package with its version, build and archive.
    """
    there = {one.name: _shown(one) for one in installed}
    wanted = {one.name: _shown(locked_package(one)) for one in lock.archives}
    problems = [] if "python" in wanted else ["the lock has no python"]
    problems += diff_against_lock(there, wanted)
    check_against_lock(problems, environment=name, culprit="an archive in a channel")


def _required_by(name: str, found: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(
        sorted(
            other
            for other, meta in found.items()
            if other != name and name in {CondaSpec.parse(spec).name for spec in meta["depends"]}
        )
    )


def _installed(prefix: Path) -> Iterator[dict[str, Any]]:
    for file in sorted((prefix / "conda-meta").glob("*.json")):
        try:
            meta = json.loads(file.read_text(encoding="utf-8"))
            yield {**meta, "depends": meta.get("depends", [])}
        except (ValueError, TypeError) as error:
            raise EnvironmentBuildError(
                f"Could not read conda-meta/{file.name} of the environment",
                hint=f"delete {prefix} and run the check again",
                detail=str(error),
            ) from error


def _shown(package: Package) -> str:
    return f"{package.version} ({package.wheel}, {package.record})"
