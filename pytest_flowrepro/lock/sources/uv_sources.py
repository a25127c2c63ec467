"""`[tool.uv.sources]`: requirements that uv does not take from an index."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pytest_flowrepro.installers.uv_settings import index_table
from pytest_flowrepro.lock.sources.local_folder import local_folder
from pytest_flowrepro.lockfile.requirement import DIRECT_URL, VERSION_CONTROL
from pytest_flowrepro.model import Index, IndexSource, LocalFolder
from pytest_flowrepro.support.redaction import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.lock.sources.reading import Selection
    from pytest_flowrepro.model import RequirementLine

_ELSEWHERE = {"git": VERSION_CONTROL, "url": DIRECT_URL}
"""Keys of a source, and why they are refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Requirements, split by their source."""

    requirements: tuple[RequirementLine, ...]
    """Requirements from an index."""
    folders: tuple[LocalFolder, ...] = ()
    """The folders of the repository that satisfy the others."""
    of_indexes: tuple[IndexSource, ...] = ()
    """Sources of the requirements that only one index satisfies."""


def read_sources(
    requirements: tuple[RequirementLine, ...],
    document: Mapping[str, Any],
    *,
    file: Path,
    selection: Selection,
    root: Path,
    problems: list[str],
) -> Sources:
    """Split requirements by the `[tool.uv.sources]` of a document and its workspace.

    The document is that of `file`.

    Those that can be pinned to neither an index nor a folder are added to `problems`.
    """
    places = [_Place(document=document, file=file)]
    if top := workspace_of(file.parent, root=root):
        places.append(_Place(document=_toml(top), file=top / "pyproject.toml"))
    from_index: list[RequirementLine] = []
    folders: list[LocalFolder] = []
    of_indexes: dict[IndexSource, None] = {}
    for requirement in requirements:
        name = requirement.name
        extras = tuple(sorted(requirement.parsed.extras))
        place, tables = _sources_of(name, places, selection)
        where = _Where(folder=place.file.parent, places=tuple(places), root=root)
        elsewhere = False
        for table in tables:
            for source in _found(name, table, extras, where):
                match source:
                    case str():
                        problems.append(f"tool.uv.sources.{name}: {source}")
                    case LocalFolder():
                        folders.append(source)
                    case IndexSource():
                        of_indexes[source] = None
                elsewhere = elsewhere or not isinstance(source, IndexSource)
        if not elsewhere:
            from_index.append(requirement)
    return Sources(
        requirements=tuple(from_index), folders=tuple(folders), of_indexes=tuple(of_indexes)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A document with settings of uv, and the file that it is in."""

    document: Mapping[str, Any]
    file: Path

    @property
    def table(self) -> Mapping[str, Any]:
        match self.document:
            case {"tool": {"uv": dict() as table}}:
                return table
        return {}


def _sources_of(
    name: str, places: list[_Place], selection: Selection
) -> tuple[_Place, list[dict[str, Any]]]:
    """Return the sources of a package, and the first place that names any."""
    for place in places:
        if place.table.get("no-sources") is True:
            continue
        left_out = place.table.get("no-sources-package", ())
        if name in {canonicalize_name(str(excluded)) for excluded in left_out}:
            continue
        sources = place.table.get("sources")
        for key, value in sources.items() if isinstance(sources, dict) else ():
            if canonicalize_name(key) == name:
                tables = value if isinstance(value, list) else [value]
                return place, [
                    table
                    for table in tables
                    if isinstance(table, dict) and _is_selected(table, selection)
                ]
    return places[0], []


def _is_selected(source: Mapping[str, Any], selection: Selection) -> bool:
    """Return whether a source applies with the extras and groups that a flow selects."""
    extra, group = source.get("extra"), source.get("group")
    extras = {canonicalize_name(name) for name in selection.extras}
    groups = {canonicalize_name(name) for name in selection.groups}
    return (extra is None or canonicalize_name(str(extra)) in extras) and (
        group is None or canonicalize_name(str(group)) in groups
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Where:
    """The base of the paths and names of a source."""

    folder: Path
    places: tuple[_Place, ...]
    root: Path


def _found(
    name: str, source: Mapping[str, Any], extras: tuple[str, ...], where: _Where
) -> Iterator[LocalFolder | IndexSource | str]:
    match source:
        case {"path": str(path)}:
            yield local_folder(path, base=where.folder, root=where.root, extras=extras)
        case {"workspace": True}:
            yield _member(name, where.folder, where.root, extras)
        case {"index": str(index)}:
            yield _index_source(name, index, source.get("marker"), where.places)
        case dict():
            yield from (_ELSEWHERE[key] for key in sorted(source.keys() & _ELSEWHERE))


def _index_source(
    package: str, name: str, marker: object, places: tuple[_Place, ...]
) -> IndexSource | str:
    for place in places:
        for table in place.table.get("index", ()):
            if isinstance(table, dict) and table.get("name") == name and "url" in table:
                url = str(table["url"])
                return IndexSource(
                    package=package,
                    index=declared_index(table, folder=place.file.parent),
                    written=f"{name} {without_credentials(url)}",
                    marker=str(marker) if marker else None,
                )
    return f"no `[[tool.uv.index]]` of the project has the name {name}"


def declared_index(table: Mapping[str, Any], *, folder: Path) -> Index:
    """Return one `[[tool.uv.index]]` of a file in that folder as an index for every package."""
    settings = index_table(table, folder=folder)
    url, name = str(settings.pop("url")), settings.pop("name", None)
    settings.pop("explicit", None)
    values = sorted(
        (key, tuple(value) if isinstance(value, list) else value)
        for key, value in settings.items()
        if not isinstance(value, dict)
    )
    return Index(name=str(name) if name else None, url=url, settings=tuple(values))


def _member(name: str, folder: Path, root: Path, extras: tuple[str, ...]) -> LocalFolder | str:
    """Return the workspace member of that name, in the workspace of `folder`."""
    for top, members in _workspaces(folder, root):
        for member in (top, *members):
            match _toml(member):
                case {"project": {"name": str(declared)}} if canonicalize_name(declared) == name:
                    return local_folder(str(member), base=top, root=root, extras=extras)
    return "no workspace of the repository has a member of this name; correct `members`"


def lock_of(project: Path, *, root: Path) -> Path | None:
    """Return the uv.lock of a project folder, or that of its workspace; None if neither exists."""
    top = workspace_of(project, root=root)
    locks = [folder / "uv.lock" for folder in (project, top) if folder]
    return next((lock for lock in locks if lock.is_file()), None)


def workspace_of(folder: Path, *, root: Path) -> Path | None:
    """Return the root of the workspace that a folder is a member of; None for any other folder."""
    tops: list[Path] = [top for top, members in _workspaces(folder, root) if folder in members]
    return tops[0] if tops else None


def _workspaces(folder: Path, root: Path) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """Yield the roots of workspaces at and above a folder, and the members of each."""
    for top in (folder, *folder.parents):
        if not top.is_relative_to(root):
            break
        match _toml(top):
            case {"tool": {"uv": {"workspace": dict() as workspace}}}:
                members, left_out = (
                    [
                        member
                        for pattern in workspace.get(key, [])
                        for member in sorted(top.glob(pattern))
                    ]
                    for key in ("members", "exclude")
                )
                yield top, tuple(member for member in members if member not in left_out)


def _toml(folder: Path) -> dict[str, Any]:
    """Return the document of a related pyproject.toml; empty if it cannot be read."""
    try:
        return tomllib.loads((folder / "pyproject.toml").read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
