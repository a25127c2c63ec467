"""Requirements and pins of a uv.lock, and a check that it is up to date with its pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_flowrepro.installers.index_errors import excerpt
from pytest_flowrepro.installers.index_settings import uv_tool
from pytest_flowrepro.installers.uv_settings import uv_table
from pytest_flowrepro.lock.sources.pylock import from_pylock
from pytest_flowrepro.lock.sources.pyproject import group_requirements, read_project
from pytest_flowrepro.lock.sources.reading import Selection, read_toml
from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.lockfile.requirement import parse_requirement
from pytest_flowrepro.model import RequirementLine
from pytest_flowrepro.support.errors import LockError
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Requirements

_TIMEOUT = 60.0
"""Seconds; an export reads two files and takes 0.04 s."""

_ELSEWHERE = {"git", "url", "path", "directory", "editable", "virtual"}
"""Keys by which uv.lock marks a requirement that does not come from an index."""


def read_uv_lock(
    file: Path, *, root: Path, selection: Selection, project: Path | None = None
) -> Requirements | None:
    """Return the pins of a uv.lock for a project, with the selected extras and groups.

    The project is the one in the same folder, unless the folder of a member of its workspace is
    given. Nothing is resolved. The requirements are those of the pyproject.toml. None if the
    project declares nothing. Raises `LockError`.
    """
    project = project or file.parent
    pyproject = project / "pyproject.toml"
    lock = read_toml(file, root=root)
    declared = read_project(pyproject, root=root, selection=selection, locked=True)
    if declared is None:
        return None
    source = display_path(file, root)
    _check_hashes(lock, source)
    where = ("--project", str(project))
    exported = _export(file, where, selection, source)  # first: uv validates both files
    exact = from_pylock(exported, file=file, root=root, selection=Selection())
    for folder in dict.fromkeys(
        (project, *(local_folder.folder for local_folder in exact.folders))
    ):
        member = folder / "pyproject.toml"
        if member.is_file():
            _check_up_to_date(
                lock, read_toml(member, root=root), source, display_path(member, root)
            )
    if problems := _other_settings(uv_table(file.with_name("pyproject.toml")), lock):
        raise _stale(source, display_path(file.with_name("pyproject.toml"), root), problems)
    folders = tuple(dict.fromkeys((*declared.folders, *exact.folders)))
    return replace(declared, source=source, locked=exact.locked, folders=folders)


def with_script_lock(
    declared: Requirements, block: Mapping[str, Any], flow_file: Path, *, root: Path
) -> Requirements:
    """Add the pins of a script's lock: `train.py.lock`, as `uv lock --script` writes it.

    Raises `LockError` for a lock that is out of date with the block.
    """
    file = flow_file.with_name(f"{flow_file.name}.lock")
    if not file.is_file():
        return declared
    lock = read_toml(file, root=root)
    source = display_path(file, root)
    _check_hashes(lock, source)
    manifest = lock.get("manifest", {})
    problems = _differences(
        "dependencies", _parsed(block.get("dependencies", ())), manifest.get("requirements", ())
    )
    match block:
        case {"tool": {"uv": dict() as table}}:
            problems += _other_settings(table, lock)
        case _:
            problems += _other_settings({}, lock)
    if problems:
        script = display_path(flow_file, root)
        raise LockError(
            f"{source} is out of date with {script}",
            hint=f"run `uv lock --script {script}` and commit both files",
            detail="\n".join(problems),
        )
    exported = _export(file, ("--script", str(flow_file)), Selection(), source)
    exact = from_pylock(exported, file=file, root=root, selection=Selection())
    folders = tuple(dict.fromkeys((*declared.folders, *exact.folders)))
    return replace(declared, source=source, locked=exact.locked, folders=folders)


def _other_settings(table: Mapping[str, Any], lock: Mapping[str, Any]) -> list[str]:
    """Return the settings of `[tool.uv]` that differ from those that a lock was made with."""
    manifest, options = lock.get("manifest", {}), lock.get("options", {})
    problems = []
    for key, locked in (
        ("constraint-dependencies", "constraints"),
        ("override-dependencies", "overrides"),
    ):
        declared = table.get(key, ())
        if isinstance(declared, (list, tuple)):
            problems += _differences(f"tool.uv.{key}", _parsed(declared), manifest.get(locked, ()))
    # A lock may have one from its author's own settings, without the project's.
    now = table.get("exclude-newer")
    if now is not None and not {"exclude-newer", "exclude-newer-span"} & options.keys():
        problems.append(f"tool.uv.exclude-newer: {now} is not in the lock")
    return problems


def _check_hashes(lock: Mapping[str, Any], source: str) -> None:
    """Raise `LockError` for missing hashes: uv's export would download such files unverified."""
    bare = []
    for package in lock.get("package", ()):
        match package:
            case {"name": str(name), "wheels": [*wheels]}:
                bare += [name] if any("hash" not in wheel for wheel in wheels) else []
    if bare:
        raise LockError(
            f"{source} has no hash for {truncate_list(bare)}",
            hint="run `uv lock` again, with an index that has the sha256 of its files",
        )


def _export(
    file: Path, where: tuple[str, str], selection: Selection, source: str
) -> dict[str, Any]:
    """Return the part of the lock to install, as uv exports it (PEP 751).

    `where` is the option that names the project or the script.
    """
    tool = uv_tool()
    arguments = [
        *("export", *where, "--quiet", "--frozen", "--no-header", "--format", "pylock.toml"),
        *(("--no-emit-project", "--no-default-groups") if where[0] == "--project" else ()),
        *(f"--extra={extra}" for extra in selection.extras),
        *(f"--group={group}" for group in selection.groups),
    ]
    done = tool.run(arguments, cwd=file.parent, timeout=_TIMEOUT, limit=100_000_000)
    if not done.ok:
        raise LockError(
            f"uv could not export {source} ({done.ending})",
            hint="run `uv lock` to write it again; a lock by a newer uv needs that uv in pytest's "
            "environment",
            detail=excerpt(done.stderr),
        )
    return tomllib.loads(done.stdout)


def _check_up_to_date(
    lock: Mapping[str, Any], document: Mapping[str, Any], source: str, pyproject: str
) -> None:
    """Raise `LockError` unless the lock was made of the requirements in the pyproject.toml.

    The lock contains these; markers are not compared, as uv rewrites them. Asking uv (`--locked`)
    would resolve again if the user's index is not that of the lock.
    """
    project = document.get("project", {})
    if "dependencies" in project.get("dynamic", ()):
        return
    name = canonicalize_name(str(project.get("name", "")))
    package: dict[str, Any] = next(
        (entry for entry in lock.get("package", ()) if entry["name"] == name), {}
    )
    metadata = package.get("metadata", {})
    # A pyproject.toml with groups and no project is not a package in the lock.
    outside = lock.get("manifest", {}).get("dependency-groups", {})
    locked_groups = metadata.get("requires-dev", outside)
    groups = _groups_of(document)
    optional = project.get("optional-dependencies", {}).values()
    lines = [*project.get("dependencies", ()), *(line for lines in optional for line in lines)]
    problems = _differences("project", _parsed(lines), metadata.get("requires-dist", ()))
    for group in sorted({*map(canonicalize_name, groups), *locked_groups}):
        now = group_requirements(groups, group, [])
        problems += _differences(f"group {group}", now, locked_groups.get(group, ()))
    if problems:
        raise _stale(source, pyproject, problems)


def _stale(source: str, pyproject: str, problems: list[str]) -> LockError:
    return LockError(
        f"{source} is out of date with {pyproject}",
        hint="run `uv lock` and commit both files",
        detail="\n".join(problems),
    )


def _groups_of(document: Mapping[str, Any]) -> dict[str, Any]:
    groups = dict(document.get("dependency-groups", {}))
    match document:
        case {"tool": {"uv": {"dev-dependencies": [*older]}}}:  # from before PEP 735
            groups["dev"] = [*groups.get("dev", ()), *older]
    return groups


def _differences(
    place: str, requirements: Iterable[RequirementLine], locked: Iterable[Mapping[str, Any]]
) -> list[str]:
    elsewhere = {entry["name"] for entry in locked if _ELSEWHERE & entry.keys()}
    before = {
        (
            entry["name"],
            frozenset(entry.get("extras", ())),
            SpecifierSet(entry.get("specifier", "")),
        )
        for entry in locked
        if entry["name"] not in elsewhere
    }
    now = {
        (
            requirement.name,
            frozenset(map(canonicalize_name, requirement.parsed.extras)),
            requirement.parsed.specifier,
        )
        for requirement in requirements
        if requirement.name not in elsewhere
    }
    return [
        *(
            f"{place}: {_requirement_text(requirement)} is not in the lock"
            for requirement in sorted(now - before, key=_requirement_text)
        ),
        *(
            f"{place}: {_requirement_text(requirement)} is only in the lock"
            for requirement in sorted(before - now, key=_requirement_text)
        ),
    ]


def _parsed(lines: Iterable[str]) -> Iterator[RequirementLine]:
    """Yield the requirements from an index; others that are selected have been refused."""
    for line in lines:
        if isinstance(requirement := parse_requirement(line), RequirementLine):
            yield requirement


def _requirement_text(requirement: tuple[str, frozenset[str], SpecifierSet]) -> str:
    name, extras, specifier = requirement
    return f"{name}[{','.join(sorted(extras))}]{specifier}" if extras else f"{name}{specifier}"
