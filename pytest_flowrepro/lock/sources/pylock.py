"""Requirements and locks of a lockfile of PEP 751."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.pylock import Package, PackageDirectory, PackageWheel, Pylock, PylockValidationError
from packaging.utils import canonicalize_name

from pytest_flowrepro.lock.sources.local_folder import ARCHIVE, local_folder
from pytest_flowrepro.lock.sources.reading import Selection, read_toml, unknown
from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.lockfile.pypi import InvalidLockError, parse_pypi
from pytest_flowrepro.lockfile.requirement import DIRECT_URL, VERSION_CONTROL
from pytest_flowrepro.model import LocalFolder, RequirementLine, Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_SELECTED = re.compile(
    r'"(?P<name>[^"]*)" (?P<not>not )?in (?P<choice>extras|dependency_groups)',
)
_SHA256 = re.compile("[0-9a-f]{64}")
_ALWAYS, _NEVER = 'python_version >= "0"', 'python_version < "0"'

_SOURCE_ONLY = "it has only an sdist, and builds of an sdist do not reproduce"


def read_pylock(file: Path, *, root: Path, selection: Selection) -> Requirements:
    """Return the packages of a `pylock.toml`, with the selected extras and groups or its defaults.

    Raises `LockError` with every package that is not pinned to an index and a hash.
    """
    document = read_toml(file, root=root)
    return from_pylock(document, file=file, root=root, selection=selection)


def from_pylock(
    document: Mapping[str, Any], *, file: Path, root: Path, selection: Selection
) -> Requirements:
    """Return the packages of a lockfile; paths in it are relative to `file`.

    All its packages count as required: a lockfile of PEP 751 does not distinguish direct ones.
    Raises `LockError`.
    """
    source = display_path(file, root)
    try:
        pylock = Pylock.from_dict(document)
    except PylockValidationError as error:
        raise LockError(
            f"{source} is not a valid lockfile (PEP 751)",
            hint="write it again with the tool that created it, or restore it from git",
            detail=str(error),
        ) from error
    problems = _unknown(pylock, selection)
    environments = pylock.environments or ()
    if environments and not any(marker.evaluate() for marker in environments):
        problems.append(
            f"environments: none of {', '.join(map(str, environments))} matches this machine"
        )
    lines: list[RequirementLine] = []
    entries: list[str] = []
    folders: list[LocalFolder] = []
    chosen: dict[str, set[str]] = {
        "extras": {canonicalize_name(name) for name in selection.extras},
        "dependency_groups": set(selection.groups or pylock.default_groups or ()),
    }
    for package in pylock.packages:
        marker = _marker(package, chosen)
        if marker == _NEVER:
            continue
        if package.directory is not None:
            folder = _folder(package.directory, file, root)
            if isinstance(folder, str):
                problems.append(f"{package.name}: {folder}")
            else:
                folders.append(folder)
            continue
        if problem := _problem(package):
            problems.append(f"{package.name}: {problem}")
        condition = f" ; {marker}" if marker else ""
        pin = f"{package.name}=={package.version}{condition}"
        hashes = sorted(set(map(_sha256, package.wheels or ())))
        lines.append(RequirementLine(f"{package.name}{condition}"))
        entries.append(" \\\n    ".join((pin, *(f"--hash=sha256:{digest}" for digest in hashes))))
    if problems:
        raise _unusable(source, problems)
    try:
        locked = parse_pypi("".join(f"{entry}\n" for entry in entries))
    except InvalidLockError as error:
        raise _unusable(source, error.problems) from error
    return Requirements(
        requirements=tuple(dict.fromkeys(lines)),
        source=source,
        requires_python=str(pylock.requires_python) if pylock.requires_python else None,
        locked=locked,
        folders=tuple(folders),
    )


def _unusable(source: str, problems: Iterable[str]) -> LockError:
    return LockError(
        f"{source} cannot be used as a lock",
        hint="lock again, with versions from an index that have wheels",
        detail="\n".join(problems),
    )


def _unknown(pylock: Pylock, selection: Selection) -> list[str]:
    extras, groups = tuple(pylock.extras or ()), tuple(pylock.dependency_groups or ())
    problems = [
        unknown(name, "extras", extras)
        for name in selection.extras
        if canonicalize_name(name) not in extras
    ]
    return problems + [
        unknown(name, "dependency-groups", groups)
        for name in selection.groups
        if name not in groups
    ]


def _marker(package: Package, chosen: Mapping[str, set[str]]) -> str | None:
    """Return the marker without the choice of extras and groups, which PEP 751 adds to PEP 508.

    The choice is made here: `_NEVER` for a package that was not selected.
    """

    def made(match: re.Match[str]) -> str:
        is_in = match["name"] in chosen[match["choice"]]
        return _ALWAYS if is_in is not bool(match["not"]) else _NEVER

    if package.marker is None:
        return None
    marker = _SELECTED.sub(made, str(package.marker))
    return None if marker == _ALWAYS else marker


def _folder(directory: PackageDirectory, file: Path, root: Path) -> LocalFolder | str:
    path = f"{directory.path}/{directory.subdirectory or ''}".rstrip("/")
    local = local_folder(path, base=file.parent, root=root)
    if isinstance(local, LocalFolder) and local.folder == file.parent:
        return replace(local, itself=True)
    return local


def _problem(package: Package) -> str | None:
    """Return why a package cannot be pinned to an index and a hash."""
    problem = None
    if package.vcs is not None:
        problem = VERSION_CONTROL
    elif package.archive is not None:
        problem = DIRECT_URL if package.archive.url else ARCHIVE
    elif not package.wheels:
        problem = _SOURCE_ONLY
    elif package.version is None:
        problem = "it has no version"
    elif bare := [wheel for wheel in package.wheels if not _SHA256.fullmatch(_sha256(wheel))]:
        problem = f"{bare[0].filename} has no sha256"
    return problem


def _sha256(wheel: PackageWheel) -> str:
    return wheel.hashes.get("sha256", "")
