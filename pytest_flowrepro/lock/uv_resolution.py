"""`[tool.uv]`: the resolution settings of a project or a script.

The user's own uv.toml is not read here, as it is not part of the project's declaration.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.markers import InvalidMarker, Marker

from pytest_flowrepro.installers.uv_settings import to_literal, uv_table
from pytest_flowrepro.lock.sources.reading import requirement_lines
from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.lock.sources.uv_sources import declared_index, workspace_of
from pytest_flowrepro.model import Resolution
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Requirements

_ANY = ("exclude-newer", "exclude-newer-package", "prerelease", "prerelease-package", "resolution")
"""Followed in every place; uv has most of them in its table `pip`, too."""

_FOLLOWED = (
    *_ANY,
    "build-constraint-dependencies",
    "dependency-metadata",
    "exclude-dependencies",
    "override-dependencies",
)
_REQUIREMENTS = ("build-constraint-dependencies", "override-dependencies")
_NOTED = {
    "minimum-libc-version": "a lock has only wheels, whose tags have the required version",
    "no-binary": "only wheels are installed",
    "no-binary-package": "only wheels are installed",
    "required-environments": "a check reports packages without a wheel for its machine",
}
"""Keys that are not followed, and why that changes no version."""

_REFUSED = {
    "torch-backend": "it depends on the machine; take torch from an index in `[tool.uv.sources]`",
}


def with_resolution(declared: Requirements, file: Path, *, root: Path) -> Requirements:
    """Add the resolution settings of the project that a declaration belongs to.

    They are in the uv.toml or `[tool.uv]` of the nearest folder that has one, from the file's own
    up to the project folder; for a member of a workspace in that of the workspace. uv's table `pip`
    applies to requirements files, which `uv pip` reads. Raises `LockError`.
    """
    project = _project_table(file.parent, root)
    if project is None:
        return declared
    table, place = project
    if file.name not in {"uv.lock", "pyproject.toml"}:
        pip = table.get("pip")
        table = {**table, **_part(pip if isinstance(pip, dict) else {}, _ANY)}
    return _added(declared, table, place, root)


def with_script_resolution(
    declared: Requirements, table: Mapping[str, Any], flow_file: Path, *, root: Path
) -> Requirements:
    """Add the resolution settings of the `[tool.uv]` of a script's block.

    Those of the surrounding project that apply to every resolution (`exclude-newer`, `prerelease`,
    ...) are added as well.
    """
    match table:
        case {"tool": {"uv": dict() as of_block}}:
            pass
        case _:
            of_block = {}
    project = _project_table(flow_file.parent, root)
    around = _part(project[0], _ANY) if project else {}
    return _added(declared, {**around, **of_block}, flow_file, root)


def _added(
    declared: Requirements, table: Mapping[str, Any], file: Path, root: Path
) -> Requirements:
    shown = display_path(file, root)
    name = f"{shown} (PEP 723)" if file.suffix == ".py" else shown
    source = name if file.name == "uv.toml" else f"{name} [tool.uv]"
    problems = [f"{key}: {reason}" for key, reason in _REFUSED.items() if key in table]
    key = "constraint-dependencies"
    constraints = requirement_lines(table.get(key, []), key, problems)
    for key in _REQUIREMENTS:
        requirement_lines(table.get(key, []), key, problems)
    environments = tuple(_markers(table.get("environments", []), problems))
    if problems:
        raise LockError(
            f"{source} has invalid or unsupported settings",
            hint="correct or remove the keys named above",
            detail="\n".join(problems),
        )
    indexes = table.get("index", [])
    resolution: Resolution | None = Resolution(
        source=source,
        constraints=constraints,
        environments=environments,
        settings=tuple((key, to_literal(table[key])) for key in sorted(_FOLLOWED) if key in table),
        indexes=tuple(
            declared_index(index, folder=file.parent)
            for index in (indexes if isinstance(indexes, list) else ())
            if isinstance(index, dict) and "url" in index and index.get("explicit") is not True
        ),
    )
    if resolution is not None and not (resolution.lines or resolution.indexes):
        resolution = None
    notes = (f"{source}: {key} is not followed: {_NOTED[key]}" for key in _NOTED if table.get(key))
    return replace(declared, resolution=resolution, notes=(*declared.notes, *notes))


def _part(table: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key in keys}


def _project_table(folder: Path, root: Path) -> tuple[dict[str, Any], Path] | None:
    """Return uv's settings of the project that a folder belongs to, and their file."""
    folders = [parent for parent in (folder, *folder.parents) if parent.is_relative_to(root)]
    for place in folders:
        top = workspace_of(place, root=root) or place
        uv_toml, pyproject = top / "uv.toml", top / "pyproject.toml"
        table = {**uv_table(pyproject), **uv_table(uv_toml)}
        if table or uv_toml.is_file():
            return table, uv_toml if uv_toml.is_file() else pyproject
    return None


def _markers(value: object, problems: list[str]) -> Iterator[str]:
    for marker in [value] if isinstance(value, str) else value if isinstance(value, list) else ():
        try:
            yield str(Marker(str(marker)))
        except InvalidMarker:
            problems.append(f"environments: {marker!r} is not a marker (PEP 508)")
