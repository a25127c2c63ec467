"""The caches in the user's cache folder: their kinds, and the marks of use that protect an entry.

A process that uses caches holds a lock on a file of its own in `sessions` until it ends. Before it
uses an entry, it sets the entry's time (`mark_used`). So an entry may be in use only if its time
is not before the start of the oldest process that still holds its lock. A cleanup moves an entry
away while no process can mark one: each has either marked the entry before, or finds it missing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSIONS = "sessions"
_GUARD = "guard.lock"


@dataclass(frozen=True, slots=True)
class CacheKind:
    """A folder of entries, each of which is used and deleted as a whole."""

    pattern: re.Pattern[str]
    """The paths of entries in the folder; anything else there is not ours."""
    keep: float = 0
    """The seconds for which an entry is kept after its last use in any case."""

    @classmethod
    def of(cls, pattern: str, *, keep: float = 0) -> CacheKind:
        return cls(re.compile(pattern), keep)


KINDS = {
    "wheels": CacheKind.of(r"sha256/[0-9a-f]{64}"),
    "conda": CacheKind.of(r"[0-9a-f]{64}"),
    "bytecode": CacheKind.of(r"[\w-]+\.(txt|\d+)"),
    "uv": CacheKind.of(r"\d{4}-\d\d"),
    "flows": CacheKind.of(r"[0-9a-f]{16}-[0-9a-f]{32}\.json(\.\d+)?"),
    "interpreters": CacheKind.of(r"py_info"),
    "errors": CacheKind.of(r"traceback-[0-9a-f]{12}\.txt"),
    # A waiting process would get the lock of a deleted file, and another one that of the next file.
    "locks": CacheKind.of(r"[0-9a-f]{64}\.lock", keep=24 * 3600.0),
}
"""All caches by their folder, in display order."""


def cache_root() -> Path:
    """Return the folder of all caches; it need not exist."""
    return user_cache_path("pytest-flowrepro")


def user_cache(kind: str) -> Path | None:
    """Create a cache of this user and return it; None if it cannot be written."""
    assert kind in KINDS
    folder = cache_root() / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def mark_used(entry: Path) -> None:
    """Protect an entry from cleanups of other processes until this one ends."""
    with contextlib.suppress(OSError), guarded(fcntl.LOCK_SH):
        os.utime(entry)


def write_file(file: Path, content: bytes) -> None:
    """Replace a file of a cache as a whole, if that is possible."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        part.write_bytes(content)
        part.replace(file)


@dataclass(frozen=True, slots=True)
class CacheUse:
    """The use of the caches by a process, until it is closed or the process ends."""

    path: Path
    held: IO[bytes]
    """The file at the path, which is locked while it is open."""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.held.close()


def use_caches() -> CacheUse | None:
    """Begin the use of the caches by this process; return None if they are not writable."""
    sessions = cache_root() / SESSIONS
    try:
        sessions.mkdir(parents=True, exist_ok=True)
        with guarded(fcntl.LOCK_SH):
            held, name = tempfile.mkstemp(prefix=f"{os.getpid()}-", dir=sessions)
            fcntl.flock(held, fcntl.LOCK_EX)
    except OSError:  # read-only, or a file system without locks
        return None
    return CacheUse(Path(name), os.fdopen(held, "ab"))


@contextlib.contextmanager
def guarded(mode: int) -> Iterator[None]:
    """Hold the lock between marks of use (shared) and cleanups (exclusive); raise `OSError`.

    Either holds it for milliseconds.
    """
    with (cache_root() / _GUARD).open("ab") as file:
        fcntl.flock(file, mode)
        yield
