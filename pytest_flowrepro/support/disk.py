"""Detection of full disks: the folder that cannot be written, and a hint."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.cache import cache_root
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_PATH = re.compile(r"""(?:(?<=[`'"])/[^`'"\n]+|(?<=\s)/[^\s:,`'"]+)""")

_LITTLE = 64 * 1024 * 1024
"""Bytes; after a failed write of a large file there is some space again, as its part is deleted."""

FREE_SPACE = (
    "free some space there (`flowrepro clean` deletes cached files), or set TMPDIR or "
    "XDG_CACHE_HOME to a folder on another disk"
)


@contextmanager
def naming_full_disk(*folders: Path) -> Iterator[None]:
    """Raise a `FlowReproError` that names the full folder for any error that a full disk caused.

    `folders` are those that may be written to, in addition to the temporary folder and the caches.
    """
    try:
        yield
    except (FlowReproError, OSError) as error:
        cause = _full_disk_in(error)
        if cause is None or isinstance(error, FullDiskError):
            raise
        named = [Path(name) for name in (cause.filename, cause.filename2) if isinstance(name, str)]
        detail = error.what if isinstance(error, FlowReproError) else str(cause)
        raise full_disk(named or usual_folders(*folders), detail=detail) from error


class FullDiskError(FlowReproError):
    """A disk or a quota is full."""


def full_disk(
    folders: Iterable[Path],
    *,
    detail: str = "",
    free: Callable[[Path], int | None] | None = None,
) -> FullDiskError:
    """Return the error that names the folder on the full disk, the one with the least free space.

    `free` returns the free bytes of an existing folder, or None if they cannot be read.
    """
    free = free or free_bytes
    rooms = {}
    for folder in dict.fromkeys(map(_existing_folder, folders)):
        room = free(folder)
        if room is not None:
            rooms[folder] = room
    if not rooms:
        return FullDiskError("The disk is full", hint=FREE_SPACE, detail=detail)
    folder = min(rooms, key=lambda folder: rooms[folder])
    if rooms[folder] > _LITTLE:
        what = f"The disk is full, or this user's quota: {folder} cannot be written"
    else:
        mount = next(parent for parent in (folder, *folder.parents) if parent.is_mount())
        at = "" if mount == folder else f" on the file system at {mount}"
        what = f"The disk is full: {folder} has {rooms[folder] // 1024:,} kB left{at}"
    return FullDiskError(what, hint=FREE_SPACE, detail=detail)


def full_disk_in_output(output: str, *folders: Path) -> FullDiskError | None:
    """Return the error for another program's output; None if the disk is not the cause."""
    lines = [line for line in output.splitlines() if _FULL.search(line)]
    if not lines:
        return None
    named = [Path(path) for line in lines for path in _PATH.findall(line)]
    return full_disk(named or usual_folders(*folders))


def usual_folders(*folders: Path) -> tuple[Path, ...]:
    return (*folders, Path(tempfile.gettempdir()), cache_root())


def free_bytes(folder: Path) -> int | None:
    """Return the bytes that this user can still write to a folder's file system; 0 without inodes.

    None if that cannot be read.
    """
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return 0 if status.f_files and not status.f_favail else status.f_bavail * status.f_frsize


def _full_disk_in(error: BaseException | None) -> OSError | None:
    """Return the OSError of a full disk among an error and its causes, or None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return error
        error = error.__cause__ or error.__context__
    return None


def _existing_folder(path: Path) -> Path:
    path = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow links
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), Path("/"))
