"""The files of a flow: those that Metaflow would ship, and those that the flow declares to read.

Metaflow walks the folder of the flow's file (`metaflow.package.MetaflowPackage`,
`metaflow.packaging_sys.utils.walk`, `metaflow.util.walk_without_cycles`). The same rule is
implemented here, because the host process never imports Metaflow; a test compares the two. Folders
without code of the project are skipped (support/project_folders.py).
"""

from __future__ import annotations

import errno
import glob
import hashlib
import itertools
import os
import shutil
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pytest_flowrepro.model import CodeFile, CodePackage
from pytest_flowrepro.support.errors import PackageError
from pytest_flowrepro.support.project_folders import is_excluded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from pytest_flowrepro.model import FlowSource, NamedFile

_DEFAULT_SUFFIXES = ".py,.R,.RDS"


def default_suffixes(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the suffixes that Metaflow packages in this environment: `.py,.R,.RDS` by default.

    `METAFLOW_DEFAULT_PACKAGE_SUFFIXES` replaces them (`metaflow.metaflow_config`),
    `METAFLOW_PACKAGE_SUFFIXES` stands for `--package-suffixes` and adds to them. Both are
    split at commas and not stripped: an empty value ships every file, as it does in Metaflow.
    """
    default = env.get("METAFLOW_DEFAULT_PACKAGE_SUFFIXES", _DEFAULT_SUFFIXES)
    option = env.get("METAFLOW_PACKAGE_SUFFIXES") or default
    return tuple(dict.fromkeys([*default.split(","), *option.split(",")]))


def package_flow(
    flow: FlowSource,
    *,
    root: Path,
    named_files: tuple[NamedFile, ...],
    include: tuple[str, ...],
    suffixes: tuple[str, ...],
    destination: Path,
) -> CodePackage:
    """Write the flow's files into the tar `destination`, and return its contents.

    The files are the flow's file, the user files that Metaflow would ship, `named_files` (those
    that the flow itself names or adds) and those that match the `include` patterns: globs relative
    to the flow's folder, where a folder stands for all files in it. A flow's folder outside `root`
    takes the place of `root`.

    A flow's file that is a symlink stays one: Python looks for the modules that it imports next to
    the real file, so the files that Metaflow would ship from there are in the package as well.

    The archive has the same bytes for the same files: sorted, no times, no owners. A digest is
    of the bytes that went into the archive, even if the file changes meanwhile.

    Raises `PackageError` for a pattern that matches nothing, and for a file that is missing,
    outside `root`, unreadable, not a regular file, a dangling link or not named in UTF-8. A folder
    that cannot be listed is skipped, as in Metaflow: the flow cannot read it either.
    """
    folder = flow.file.parent
    root = root if folder.is_relative_to(root) else folder
    files = {flow.file, *_shipped(folder, suffixes)}
    target = _link_target(flow.file, root=root)
    if target is not None:
        files.update((target, *_shipped(target.parent, suffixes)))
    for pattern in include:
        files.update(_included(pattern, folder=folder, root=root))
    sources = {file: file for file in files}
    for named in named_files:
        for place, source in _placed(named, folder=folder, root=root, flow=flow):
            sources.setdefault(place, source)  # as in Metaflow, what the walk found comes first
    links = {flow.file: os.path.relpath(target, folder)} if target else {}
    members = sorted(
        _member(place, source, folder=folder, root=root, link=links.get(place, ""))
        for place, source in sources.items()
    )
    return CodePackage(
        root=root,
        flow=flow.file.relative_to(root).as_posix(),
        files=tuple(sorted(_write_archive(members, destination), key=lambda file: file.path)),
        archive=destination,
    )


def extract_package(package: CodePackage, folder: Path) -> Path:
    """Unpack into `folder`, and return the flow's file in it.

    The files have the time of their extraction, not the archive's zero: ZIP, which a flow may
    write, has no time before 1980. Raises `PackageError` when `folder` cannot be written.
    """
    try:
        with tarfile.open(package.archive) as archive:
            for member in archive:
                _extract(archive, member, folder)
    except (OSError, tarfile.TarError) as error:
        raise PackageError(
            f"{folder}: the flow's files cannot be unpacked here",
            hint="check that the disk is not full and that the folder is writable",
            detail=str(error),
        ) from error
    return folder / package.flow


def read_files(package: CodePackage, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield those of the files at `paths`, relative to the root, that the package contains."""
    with tarfile.open(package.archive) as archive:
        for member in archive:
            if member.name in paths and (file := archive.extractfile(member)):
                yield member.name, file.read()


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file or symlink, which must stay inside the folder.

    Not by `TarFile.extract`: Python has its `filter` since 3.11.4, and warns without it since 3.12.
    """
    path = Path(os.path.normpath(folder / member.name))
    leads_to = Path(os.path.normpath(path.parent / member.linkname))
    if not (path.is_relative_to(folder) and leads_to.is_relative_to(folder)):
        raise tarfile.TarError(f"{member.name} is outside of the folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
        return
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise tarfile.TarError(f"{member.name} is neither a regular file nor a symlink")
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)
    path.chmod(member.mode)


# --- which files ----------------------------------------------------------------------


def _shipped(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Return the user files in Metaflow's package (`metaflow.packaging_sys.utils.suffix_filter`).

    The case of suffixes is ignored. A file whose name begins with a dot is in it only if the name
    is a suffix itself.
    """
    return _walk(folder, lambda name: has_suffix(name, suffixes))


def has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Return whether Metaflow ships a file of this name."""
    lowered = tuple(suffix.lower() for suffix in suffixes)
    name = name.lower()
    return name in lowered if name[0] == "." else name.endswith(lowered)


def _walk(
    folder: Path, wanted: Callable[[str], bool], links: frozenset[str] = frozenset()
) -> Iterator[Path]:
    """Yield the files below `folder` with `wanted` names, except in hidden or excluded folders.

    Linked folders are followed, unless they lead to a target of another link on the way here: the
    rule by which `metaflow.util.walk_without_cycles` breaks cycles.
    """
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in files if wanted(name))
        folders[:] = [
            name for name in folders if name[0] != "." and not is_excluded(Path(parent, name))
        ]
        for link in (Path(parent, name) for name in folders if Path(parent, name).is_symlink()):
            target = os.path.realpath(link)
            if target not in links:
                yield from _walk(link, wanted, links | {target})


def _included(pattern: str, *, folder: Path, root: Path) -> set[Path]:
    """Return the files that match a pattern; a matching folder stands for all files in it."""
    if Path(pattern).is_absolute():
        raise PackageError(
            f"Include pattern {pattern!r} is absolute",
            hint=f"write it relative to the flow's folder, {folder}",
        )
    files: set[Path] = set()
    for match in glob.glob(pattern, root_dir=folder, recursive=True):  # noqa: PTH207  takes `..`
        steps = [*itertools.accumulate(Path(match).parts, os.path.join)]
        if any(is_excluded(folder / step) for step in steps):
            continue
        path = Path(os.path.normpath(folder / match))
        if not path.is_relative_to(root):
            raise PackageError(
                f"Include pattern {pattern!r}: {path} is outside {root}, and a baseline has only "
                "files of the project",
                hint="move the file into the project, and correct the pattern",
            )
        is_folder = os.path.isdir(path)  # noqa: PTH112
        files.update(_walk(path, lambda name: name[0] != ".") if is_folder else [path])
    if not files:
        hint = f"correct or remove it; patterns are relative to the flow's folder, {folder}"
        if glob.glob(pattern, root_dir=root, recursive=True):  # noqa: PTH207  see above
            meant = os.path.join(os.path.relpath(root, folder), pattern)  # noqa: PTH118  has `..`
            hint = f"write {meant!r}: patterns are relative to the flow's folder"
        raise PackageError(f"Include pattern {pattern!r} matches no file", hint=hint)
    return files


def _link_target(file: Path, *, root: Path) -> Path | None:
    """Return the target of `file`, or of its folder, as a path below `root`.

    None if neither is a symlink, and if the target is outside the project: then it is packaged in
    place of the link.
    """
    real = _under_root(Path(os.path.realpath(file)), root=root)
    return None if real == file else real


def _under_root(file: Path, *, root: Path) -> Path | None:
    """Return `file` as a path below `root`, which may itself be a symlink; None if outside."""
    if file.is_relative_to(root):
        return file
    real, real_root = Path(os.path.realpath(file.parent), file.name), os.path.realpath(root)
    return root / real.relative_to(real_root) if real.is_relative_to(real_root) else None


def _placed(
    named: NamedFile, *, folder: Path, root: Path, flow: FlowSource
) -> Iterator[tuple[Path, Path]]:
    """Yield the places in the package of a file that the flow names, each with the file.

    A file that a decorator or mutator adds has two places: the one it is added as, as after
    Metaflow has unpacked its own package, and its original one, as in `python flow.py run`.
    """
    source, exists = named.source, os.path.lexists(named.source)
    place = _under_root(source, root=root)
    if named.place is None:
        if not exists:
            raise PackageError(
                f"{source}: {flow.name} reads this file by default, and it does not exist",
                hint="create it, or correct the default of the IncludeFile or Config that names it",
            )
        if place is None:
            raise PackageError(
                f"{source} is part of the code of {flow.name}, but is outside of the project "
                f"{root}",
                hint="move it into the project, or, where it is the default of an IncludeFile or "
                "Config, give the flow another one in the configuration",
            )
        yield place, source
    elif exists:  # else it was made for Metaflow's package only, and no local run sees it
        added = Path(os.path.normpath(folder / named.place))
        if not added.is_relative_to(root):
            raise PackageError(
                f"{flow.name} adds {source} to its package as {named.place!r}, "
                f"which is outside {root}",
                hint="correct `add_to_package` of its decorator or mutator",
            )
        yield added, source
        if place is not None:
            yield place, source


# --- the archive ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class _Member:
    name: str
    """The path in the archive, relative to the root."""
    path: str
    """The path in the manifest, relative to the flow's folder."""
    source: Path
    link: str
    """If not empty, the archive has a symlink to this path instead of the content."""


def _member(place: Path, source: Path, *, folder: Path, root: Path, link: str) -> _Member:
    try:
        os.fspath(place).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(place).decode(errors="backslashreplace")
        raise PackageError(
            f"{shown}: the file's name is not UTF-8, so no manifest can name it",
            hint="rename it, or move it out of the flow's folder",
        ) from None
    path = Path(os.path.relpath(place, folder)).as_posix()
    return _Member(name=place.relative_to(root).as_posix(), path=path, source=source, link=link)


def _write_archive(members: Iterable[_Member], destination: Path) -> list[CodeFile]:
    """Write the tar, and return the files in it; no archive is left if that fails."""
    written = []
    try:
        with tarfile.open(destination, "w", format=tarfile.PAX_FORMAT) as archive:
            for member in members:
                with _open_regular(member.source) as file:
                    status = os.fstat(file.fileno())
                    content = _Hashed(file, member.source)
                    if member.link:
                        archive.addfile(_link(member))
                        content.read(status.st_size)  # its digest is that of its target
                    else:
                        archive.addfile(_header(member, status), content)
                written.append(CodeFile(path=member.path, sha256=content.hexdigest))
    except OSError as error:
        destination.unlink(missing_ok=True)
        raise PackageError(
            f"{destination}: the flow's files cannot be packed here",
            hint="check that the disk is not full and that the folder is writable",
            detail=str(error),
        ) from error
    except PackageError:
        destination.unlink(missing_ok=True)
        raise
    return written


def _header(member: _Member, status: os.stat_result) -> tarfile.TarInfo:
    """Return a header that is the same on every machine: no time, no owner, two modes."""
    info = tarfile.TarInfo(member.name)
    info.size = status.st_size
    info.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    return info


def _link(member: _Member) -> tarfile.TarInfo:
    info = tarfile.TarInfo(member.name)
    info.type, info.linkname = tarfile.SYMTYPE, member.link
    return info


def _open_regular(file: Path) -> BinaryIO:
    """Open a regular file; opening a FIFO would wait, and opening a device may do anything."""
    try:
        if stat.S_ISREG(file.stat().st_mode):
            # If the file has become a FIFO just now, this does not wait either.
            return os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb")
        what = "is not a regular file (a folder, FIFO, socket or device)"
    except OSError as error:
        dangling = file.is_symlink() and error.errno in {errno.ENOENT, errno.ELOOP}
        what = "is a dangling symlink" if dangling else f"cannot be read: {error.strerror}"
    raise PackageError(
        f"{file} {what}",
        hint="correct, rename or remove it: its name makes it part of the code package",
    )


class _Hashed:
    """A file that is hashed by the same read that archives it."""

    def __init__(self, file: BinaryIO, source: Path) -> None:
        self._file = file
        self._source = source
        self._sha256 = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise PackageError(
                f"{self._source} cannot be read: {error.strerror}",
                hint="correct, rename or remove it",
            ) from error
        if len(data) < size:
            raise PackageError(
                f"{self._source} was truncated while it was packaged",
                hint="run again when nothing writes to it",
            )
        self._sha256.update(data)
        return data

    @property
    def hexdigest(self) -> str:
        return self._sha256.hexdigest()
