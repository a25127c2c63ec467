"""The contents of this user's caches, and the lock of the sessions that use them."""

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

_ENTRIES = ("wheels/*/*", "conda/*", "bytecode/*", "uv/*", "locks/*", "errors/*", "interpreters/*")
"""Globs of entries, each of which is used and deleted as a whole; in display order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheEntry:
    path: Path
    size: int
    """Bytes; of a folder, those of all its files."""
    used: float
    """The time of the last use, in seconds since the epoch."""


def find_entries(*, unused_for: float = 0) -> tuple[CacheEntry, ...]:
    """Return the entries that were not used for that many seconds."""
    latest = time.time() - unused_for
    return tuple(entry for entry in _cache_entries(cache_root()) if entry.used <= latest)


def remove_entries(entries: Collection[CacheEntry]) -> None:
    """Delete entries.

    Raises `FlowReproError` while a session uses the caches, and if an entry cannot be deleted.
    """
    root = cache_root()
    if not root.is_dir():
        return
    with (root / _IN_USE).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FlowReproError(
                f"A session of `pytest --flow-repro` is running and uses {root}",
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
    """Lock the caches against deletion, and return the lock's file; None if not writable.

    The lock is held until the file is closed, or this process ends.
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


def _cache_entries(root: Path) -> Iterator[CacheEntry]:
    for pattern in _ENTRIES:
        for path in sorted(root.glob(pattern)):
            with contextlib.suppress(OSError):
                yield CacheEntry(path=path, size=_size(path), used=path.lstat().st_mtime)


def _size(path: Path) -> int:
    """Return the bytes on the disk: two links to one file are counted once."""
    sizes = {}
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(folder, name))  # noqa: PTH118  thousands of files
                sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values()) if path.is_dir() else path.lstat().st_size
