"""Caches that are kept in the user's cache folder between sessions, until they are unused."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from pathlib import Path

UNUSED_FOR = 30 * 24 * 3600.0
"""Seconds after which an unused entry is deleted."""


def cache_root() -> Path:
    """Return the folder of all caches; it need not exist."""
    return user_cache_path("pytest-flowrepro")


def user_cache(name: str) -> Path | None:
    """Create a cache of this user and return it; None if it cannot be written."""
    folder = cache_root() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def write_file(file: Path, content: bytes) -> None:
    """Replace a file of a cache as a whole, if that is possible."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        part.write_bytes(content)
        part.replace(file)


def note_use(folder: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(folder)


def forget_unused(folder: Path) -> None:
    """Delete entries of `folder` that were not used for `UNUSED_FOR`, if that is possible."""
    now = time.time()
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if now - entry.stat().st_mtime > UNUSED_FOR:
                delete(entry)


def delete(entry: Path) -> None:
    """Delete a folder with all that it holds, or a file."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            entry.unlink()
