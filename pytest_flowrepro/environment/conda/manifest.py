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
    """Return the installed packages, sorted by name.

    `specs` are those that the flow requires itself.

    `record` is the hash of the package's archive, and `wheel` its platform and build,
    `linux-64/py311h64a7726_0`.
    """
    metadata = {meta["name"]: meta for meta in _installed(prefix)}
    direct = {spec.name for spec in specs}
    return tuple(
        Package(
            name=name,
            version=meta["version"],
            record=f"sha256:{meta['sha256']}",
            via=() if name in direct else _required_by(name, metadata),
            wheel=f"{meta['subdir']}/{meta['build']}",
        )
        for name, meta in sorted(metadata.items())
    )


def locked_package(archive: LockedArchive) -> Package:
    """Return a locked archive as `read_prefix` does when it is installed.

    It has no `required_by`.
    """
    return Package(
        name=archive.name,
        version=archive.version,
        record=f"sha256:{archive.sha256}",
        via=(),
        wheel=f"{archive.subdir}/{archive.build}",
    )


def check_installed(installed: tuple[Package, ...], lock: CondaLock, name: str) -> None:
    """Raise `EnvironmentBuildError` unless the installed packages are those of the lock.

    Each package must have its version, build and archive.
    """
    installed_texts = {package.name: _package_text(package) for package in installed}
    locked_texts = {
        archive.name: _package_text(locked_package(archive)) for archive in lock.archives
    }
    problems = [] if "python" in locked_texts else ["the lock has no python"]
    problems += diff_against_lock(installed_texts, locked_texts)
    check_against_lock(problems, environment=name, culprit="an archive in a channel")


def _required_by(name: str, metadata: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(
        sorted(
            dependent
            for dependent, meta in metadata.items()
            if dependent != name
            and name in {CondaSpec.parse(spec).name for spec in meta["depends"]}
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


def _package_text(package: Package) -> str:
    return f"{package.version} ({package.wheel}, {package.record})"
