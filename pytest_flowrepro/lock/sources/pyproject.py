"""Dependencies of a pyproject.toml: `[project]`, its extras, and dependency groups (PEP 735)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.dependency_groups import DependencyGroupResolver
from packaging.utils import canonicalize_name

from pytest_flowrepro.lock.sources.dynamic import read_dynamic
from pytest_flowrepro.lock.sources.reading import (
    Selection,
    python_specifier,
    read_toml,
    requirement_lines,
    unknown,
)
from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.lock.sources.unsupported import of_pyproject
from pytest_flowrepro.lock.sources.uv_sources import read_sources
from pytest_flowrepro.model import LocalFolder, Requirements
from pytest_flowrepro.support.errors import LockError
from pytest_flowrepro.support.redaction import without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packaging.requirements import Requirement

    from pytest_flowrepro.model import RequirementLine

_DYNAMIC = (
    "only the project's build backend knows them; set a requirements file of the flow as "
    "`requirements` under `[tool.flowrepro]`"
)


def read_project(
    file: Path, *, root: Path, selection: Selection, locked: bool = False
) -> Requirements | None:
    """Return the requirements of `pip install .` with the selected extras and dependency groups.

    None if the file declares nothing: no `[project]`, no dependencies in it and none selected, or,
    unless the project is `locked`, dependencies that its setup.cfg or setup.py declares. Raises
    `LockError` with every problem.
    """
    document = read_toml(file, root=root)
    if not document.keys() & {"project", "dependency-groups"}:
        return None
    problems: list[str] = []
    project = _table(document, "project", problems)
    dynamic = project.get("dynamic", [])
    of_files = read_dynamic(document, dynamic if isinstance(dynamic, list) else [], file, root=root)
    project = of_files.added_to(project)
    if isinstance(dynamic, list) and "dependencies" in dynamic and not of_files.dependencies:
        setup_files = (file.with_name(name) for name in ("setup.cfg", "setup.py"))
        if not locked and any(setup_file.is_file() for setup_file in setup_files):
            return None
        tools = [*of_pyproject(document)]
        write = f" (`{tools[0][1]}` writes one)" if tools else ""
        problems.append(f"project.dependencies: dynamic: {_DYNAMIC}{write}")
    key = "project.dependencies"
    lines = requirement_lines(project.get("dependencies", []), key, problems)
    lines += _extras(project, selection.extras, problems)
    groups = _table(document, "dependency-groups", problems)
    lines += _groups(groups, selection.groups, problems)
    python = python_specifier(project.get("requires-python"), "project.requires-python", problems)
    sources = read_sources(
        lines, document, file=file, selection=selection, root=root, problems=problems
    )
    source = display_path(file, root)
    if problems:
        raise LockError(
            f"{source} cannot be locked",
            hint="fix the file, or name another one as `requirements` under `[tool.flowrepro]`",
            detail="\n".join(problems),
        )
    if not sources.requirements and not sources.folders and not of_files.folders:
        return None
    itself = (LocalFolder(folder=file.parent, itself=True),) if _is_package(document) else ()
    return Requirements(
        requirements=tuple(dict.fromkeys(sources.requirements)),
        source=source,
        requires_python=python,
        constraints=of_files.constraints,
        folders=(*itself, *sources.folders, *of_files.folders),
        sources=sources.of_indexes,
    )


def _is_package(document: Mapping[str, Any]) -> bool:
    """Return whether the project itself is installed with its dependencies.

    The rule is uv's (https://docs.astral.sh/uv/concepts/projects/config/#project-packaging).
    """
    match document:
        case {"tool": {"uv": {"package": bool(package)}}}:
            return package
    return "build-system" in document


def group_requirements(
    groups: Mapping[str, Any], name: str, problems: list[str]
) -> tuple[RequirementLine, ...]:
    """Return the requirements of one dependency group and of those that it includes (PEP 735)."""
    key = f"dependency-groups.{name}"
    requirements: tuple[Requirement, ...] = ()
    try:
        requirements = DependencyGroupResolver(groups).resolve(name)
    except* (LookupError, TypeError, ValueError) as invalid:  # of packaging 26.1 not always a group
        problems += [f"{key}: {_sentence(error)}" for error in invalid.exceptions]
    return requirement_lines([*map(str, requirements)], key, problems)


def _sentence(error: Exception) -> str:
    """Return packaging's message about a group, with the requirement that it cannot read.

    A URL is left out: it may hold credentials.
    """
    message, *source = str(error).splitlines()[:2]
    return ": ".join(
        [without_credentials(message), *(line.strip() for line in source if ":" not in line)]
    )


def _table(document: Mapping[str, Any], key: str, problems: list[str]) -> dict[str, Any]:
    value = document.get(key, {})
    if isinstance(value, dict):
        return value
    problems.append(f"{key}: not a table")
    return {}


def _extras(
    project: Mapping[str, Any], names: tuple[str, ...], problems: list[str]
) -> tuple[RequirementLine, ...]:
    """Return the requirements of extras, and of the extras that these require.

    An example is `all = ["name[one,two]"]`.
    """
    project_name = canonicalize_name(str(project.get("name", "")))
    key = "project.optional-dependencies"
    declared = _table(project, "optional-dependencies", problems)
    optional = {canonicalize_name(name): value for name, value in declared.items()}
    selected = [canonicalize_name(name) for name in names]
    lines: list[RequirementLine] = []
    for name in selected:  # grows while it is read
        if name not in optional:
            problems.append(unknown(name, key, tuple(optional)))
            continue
        for line in requirement_lines(optional[name], f"{key}.{name}", problems):
            if line.name == project_name:
                extras = map(canonicalize_name, sorted(line.parsed.extras))
                selected += [extra for extra in extras if extra not in selected]
            else:
                lines.append(line)
    return tuple(lines)


def _groups(
    groups: Mapping[str, Any], names: tuple[str, ...], problems: list[str]
) -> tuple[RequirementLine, ...]:
    group_names = tuple(map(canonicalize_name, groups))
    lines: tuple[RequirementLine, ...] = ()
    for name in map(canonicalize_name, names):
        if name not in group_names:
            problems.append(unknown(name, "dependency-groups", group_names))
        else:
            lines += group_requirements(groups, name, problems)
    return lines
