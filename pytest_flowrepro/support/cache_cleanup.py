"""The contents of this user's caches, and their deletion, also while sessions use them.

Only entries of known kinds are deleted: regular files and folders of this user, found without
following a link. They are moved aside at once, which takes no time, and deleted afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.cache import KINDS, SESSIONS, cache_root, guarded
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DELETED, _PREFIX = "deleted", "cleanup-"
"""The folder of entries that are being deleted, and how the folder of each cleanup begins."""

_LAST = "last-cleanup"
"""The file whose time is that of the last cleanup at the end of a session."""

_MARGIN = 60.0
"""Seconds by which the times of two files may be wrong."""

DAY = 24 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheEntry:
    kind: str
    path: Path
    label: str
    """The path in the caches; of a folder named by a hash, that of its only file."""
    size: int
    """Bytes; of a folder, those of all its files."""
    used: float
    """The time of the last use, in seconds since the epoch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """The contents of the caches."""

    entries: tuple[CacheEntry, ...]
    foreign: tuple[Path, ...]
    """Files and folders that are not of the plugin, which are left alone."""


@dataclass(kw_only=True, slots=True)
class Removal:
    """The outcome of a cleanup."""

    removed: list[CacheEntry] = field(default_factory=list)
    in_use: list[CacheEntry] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)
    """The entries that could not be deleted, with the reason."""


def read_contents() -> Contents:
    """Return the entries of the caches and what else is there; both are empty without caches."""
    entries: list[CacheEntry] = []
    foreign: list[Path] = []
    root = cache_root()
    for kind in KINDS:
        if _is_own_folder(root / kind):
            for path in _paths(root / kind, kind):
                # Another process may delete an entry at any moment.
                entry = _entry(path, kind) if _is_entry(path, kind) else None
                if entry is not None:
                    entries.append(entry)
                elif os.path.lexists(path):
                    foreign.append(path)
        elif os.path.lexists(root / kind):
            foreign.append(root / kind)
    return Contents(entries=tuple(entries), foreign=tuple(foreign))


def selected(
    entries: Iterable[CacheEntry], *, unused_for: float = 0, max_size: int | None = None
) -> tuple[CacheEntry, ...]:
    """Return the entries that were not used for so many seconds, and those over the size.

    Of the others the ones that were used last are kept, up to `max_size` bytes. With neither limit
    all entries are returned, except those that their kind protects. Display order is kept.
    """
    now = time.time()
    entries = tuple(entries)
    free = [entry for entry in entries if now - entry.used >= KINDS[entry.kind].keep]
    if max_size is None:
        chosen = {entry.path for entry in free if now - entry.used >= unused_for}
    else:
        old = unused_for or float("inf")
        chosen = {entry.path for entry in free if now - entry.used >= old}
        excess = sum(entry.size for entry in entries if entry.path not in chosen) - max_size
        for entry in sorted(free, key=lambda entry: entry.used):
            if excess > 0 and entry.size and entry.path not in chosen:
                chosen.add(entry.path)
                excess -= entry.size
    return tuple(entry for entry in entries if entry.path in chosen)


def remove_entries(entries: Iterable[CacheEntry]) -> Removal:
    """Delete entries, except those that a running session uses or that were used meanwhile.

    Raises `FlowReproError` if the caches cannot be locked.
    """
    entries, outcome, root = tuple(entries), Removal(), cache_root()
    if not root.is_dir():
        return outcome
    try:
        with guarded(fcntl.LOCK_EX):
            since = _oldest_use(root / SESSIONS)
            aside = _new_folder(root / _DELETED)
            for number, entry in enumerate(entries):
                _move_aside(entry, aside / str(number), since, outcome)
    except OSError as error:
        raise FlowReproError(
            f"The caches in {root} cannot be locked and changed: {error.strerror}",
            hint="let this user write there, and run again",
        ) from error
    _delete_all(root / _DELETED, outcome)
    return outcome


def running_sessions() -> int:
    """Return the number of processes that use the caches now."""
    try:
        with guarded(fcntl.LOCK_EX):
            return sum(1 for _ in _uses(cache_root() / SESSIONS))
    except OSError:
        return 0


def clean_up_daily(*, unused_for: float, max_size: int) -> None:
    """Delete what is over the limits, if no session did so today. It never fails."""
    with contextlib.suppress(OSError, FlowReproError):
        last = cache_root() / _LAST
        if last.exists() and abs(time.time() - last.stat().st_mtime) < DAY:
            return
        last.touch()
        entries = read_contents().entries
        remove_entries(selected(entries, unused_for=unused_for, max_size=max_size))


# --- one entry ------------------------------------------------------------------------


def _paths(folder: Path, kind: str) -> Iterator[Path]:
    """Yield what is in a cache, at the depth of its entries."""
    for path in sorted(folder.iterdir()):
        if kind == "wheels" and path.name == "sha256" and _is_own_folder(path):
            yield from sorted(path.iterdir())
        else:
            yield path


def _is_entry(path: Path, kind: str) -> bool:
    place = path.relative_to(cache_root() / kind).as_posix()
    return KINDS[kind].pattern.fullmatch(place) is not None and _is_own(path)


def _is_own(path: Path) -> bool:
    """Return whether a path is a regular file or a folder of this user, not a link to one."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    is_kept = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return is_kept and status.st_uid == os.geteuid()


def _is_own_folder(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISDIR(os.lstat(path).st_mode) and _is_own(path)
    return False


def _entry(path: Path, kind: str) -> CacheEntry | None:
    with contextlib.suppress(OSError):
        used = os.lstat(path).st_mtime
        return CacheEntry(kind=kind, path=path, label=_label(path), size=_size(path), used=used)
    return None


def _label(path: Path) -> str:
    inside = list(path.iterdir()) if path.is_dir() else []
    shown = inside[0] if len(inside) == 1 and inside[0].is_file() else path
    return shown.relative_to(cache_root()).as_posix()


def _size(path: Path) -> int:
    """Return the bytes on the disk: two links to one file are counted once."""
    sizes = {}
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(folder, name))  # noqa: PTH118  thousands of files
                sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values()) if path.is_dir() else path.lstat().st_size


# --- the deletion ---------------------------------------------------------------------


def _uses(sessions: Path) -> Iterator[float]:
    """Yield the start of each process that uses the caches; forget those that ended."""
    for path in sessions.iterdir() if _is_own_folder(sessions) else ():
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield os.fstat(file.fileno()).st_mtime
            else:
                path.unlink()


def _oldest_use(sessions: Path) -> float:
    return min(_uses(sessions), default=float("inf")) - _MARGIN


def _move_aside(entry: CacheEntry, to: Path, since: float, outcome: Removal) -> None:
    try:
        used = os.lstat(entry.path).st_mtime
        if not _is_entry(entry.path, entry.kind):
            outcome.failed[entry.path] = "it is not of this plugin any more"
        elif used >= since or used > entry.used:
            outcome.in_use.append(entry)
        else:
            entry.path.rename(to)
            outcome.removed.append(entry)
    except FileNotFoundError:
        return  # another cleanup was faster
    except OSError as error:
        outcome.failed[entry.path] = error.strerror or str(error)


def _new_folder(parent: Path) -> Path:
    parent.mkdir(exist_ok=True)
    if not _is_own_folder(parent):
        raise FileExistsError(errno.EEXIST, f"{parent} is not a folder of this user")
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))


def _delete_all(folder: Path, outcome: Removal) -> None:
    """Delete what this cleanup has moved aside, and what an earlier one left."""

    def note(_: object, path: str, error: BaseException) -> None:
        if not isinstance(error, FileNotFoundError):  # a cleanup at the same time
            outcome.failed[Path(path)] = getattr(error, "strerror", None) or str(error)

    for path in folder.glob(f"{_PREFIX}*"):
        shutil.rmtree(path, onerror=lambda f, p, e: note(f, p, e[1]))
