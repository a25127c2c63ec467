"""The caches of this user, what is in them, and who uses them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from pytest_flowrepro.support.cache import cache_root, delete
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_IN_USE = "in-use.lock"

_ENTRIES = ("wheels/*/*", "conda/*", "bytecode/*", "uv/*", "locks/*", "errors/*")
"""What is used, and deleted, as one thing; in the order in which it is shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheEntry:
    path: Path
    size: int
    """Bytes, of a folder with all that it holds."""
    used: float
    """Seconds since the epoch."""


def find_entries(*, unused_for: float = 0) -> tuple[CacheEntry, ...]:
    """List what was not used for that many seconds."""
    latest = time.time() - unused_for
    return tuple(entry for entry in _entries(cache_root()) if entry.used <= latest)


def remove_entries(entries: Collection[CacheEntry]) -> None:
    """Delete them. Raises `FlowReproError` while a session uses the caches, and where something
    cannot be deleted.
    """
    root = cache_root()
    if not root.is_dir():
        return
    with (root / _IN_USE).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FlowReproError(
                f"A session of `pytest --flow-repro` is running, and uses {root}",
                hint="run `flowrepro clean` again when it has ended",
            ) from error
        for entry in entries:
            delete(entry.path)
        left = [str(entry.path) for entry in entries if entry.path.exists()]
    if left:
        raise FlowReproError(
            f"Not everything could be deleted from {root}",
            hint="let this user write there, and run again",
            detail="\n".join(left[:20]),
        )


def use_caches() -> IO[bytes] | None:
    """Keep others from deleting what is in the caches until the file is closed, or this process
    ends; None where the caches cannot be written.
    """
    root = cache_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        file = (root / _IN_USE).open("ab")
    except OSError:
        return None
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_SH)
    return file


def _entries(root: Path) -> Iterator[CacheEntry]:
    for pattern in _ENTRIES:
        for path in sorted(root.glob(pattern)):
            with contextlib.suppress(OSError):
                yield CacheEntry(path=path, size=_size(path), used=path.lstat().st_mtime)


def _size(path: Path) -> int:
    """Bytes on the disk: two links to one file are counted once."""
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(folder, name))  # noqa: PTH118  thousands of files
                found[status.st_dev, status.st_ino] = status.st_size
    return sum(found.values()) if path.is_dir() else path.lstat().st_size
