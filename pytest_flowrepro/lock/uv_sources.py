"""`[tool.uv.sources]`: what uv takes from somewhere else than an index."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pytest_flowrepro.lock.local_folder import local_folder
from pytest_flowrepro.model import LocalFolder
from pytest_flowrepro.pinnable import DIRECT_URL, VERSION_CONTROL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ELSEWHERE = {"git": VERSION_CONTROL, "url": DIRECT_URL}
"""Keys of a source, and why they are refused."""


def without_sources(
    lines: tuple[str, ...],
    document: Mapping[str, Any],
    *,
    file: Path,
    root: Path,
    problems: list[str],
) -> tuple[tuple[str, ...], tuple[LocalFolder, ...]]:
    """The requirements that an index answers, and the folders of the repository that answer others.

    `document` is that of `file`. What is neither goes to `problems`.
    """
    match document:
        case {"tool": {"uv": {"sources": dict() as tables}}}:
            sources = {canonicalize_name(name): value for name, value in tables.items()}
        case _:
            return lines, ()
    kept: list[str] = []
    folders: list[LocalFolder] = []
    for line in lines:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        extras = tuple(sorted(requirement.extras))
        found = [*_folders(name, sources.get(name), extras, file, root)]
        problems += [f"tool.uv.sources.{name}: {one}" for one in found if isinstance(one, str)]
        folders += [one for one in found if isinstance(one, LocalFolder)]
        if not found:
            kept.append(line)
    return tuple(kept), tuple(folders)


def _folders(
    name: str, sources: object, extras: tuple[str, ...], file: Path, root: Path
) -> Iterator[LocalFolder | str]:
    for source in sources if isinstance(sources, list) else [sources]:
        match source:
            case {"path": str(path)}:
                yield local_folder(path, base=file.parent, root=root, extras=extras)
            case {"workspace": True}:
                yield _member(name, file.parent, root, extras)
            case dict():
                yield from (_ELSEWHERE[key] for key in sorted(source.keys() & _ELSEWHERE))


def _member(name: str, folder: Path, root: Path, extras: tuple[str, ...]) -> LocalFolder | str:
    """The member of that name of the workspace that `folder` belongs to."""
    for top, members in _workspaces(folder, root):
        for member in (top, *members):
            match _toml(member):
                case {"project": {"name": str(own)}} if canonicalize_name(own) == name:
                    return local_folder(str(member), base=top, root=root, extras=extras)
    return "no workspace of the repository has a member of this name; correct `members`"


def lock_of(project: Path, *, root: Path) -> Path | None:
    """The uv.lock of a project folder: beside its pyproject.toml, or, for a member of a workspace,
    at the top of that; None where there is none.
    """
    tops = (top for top, members in _workspaces(project, root) if project in members)
    for lock in (folder / "uv.lock" for folder in (project, *tops)):
        if lock.is_file():
            return lock
    return None


def _workspaces(folder: Path, root: Path) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """The tops of workspaces at and above a folder, and the members of each."""
    for top in (folder, *folder.parents):
        if not top.is_relative_to(root):
            break
        match _toml(top):
            case {"tool": {"uv": {"workspace": dict() as workspace}}}:
                found, left_out = (
                    [one for pattern in workspace.get(key, []) for one in sorted(top.glob(pattern))]
                    for key in ("members", "exclude")
                )
                yield top, tuple(one for one in found if one not in left_out)


def _toml(folder: Path) -> dict[str, Any]:
    """Of a file that is not the one that was asked for: whatever is wrong with it, it has none."""
    try:
        return tomllib.loads((folder / "pyproject.toml").read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
