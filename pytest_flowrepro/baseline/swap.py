"""Atomic replacement of a folder: a reader finds either the old one or the new one, complete.

The new folder is written and synced next to the old one, as `.NAME.new`. On Linux one system call
exchanges the two. Elsewhere the old one is renamed to `.NAME.old` and the new one to its place; a
process that ends between the two renames leaves `.NAME.old`, which is the baseline as long as
there is no folder, and which the next recorder puts back. So `.NAME.old` is always complete (it is
renamed again before it is deleted), and `.NAME.new` is never read.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class ReplacedError(OSError):
    """Raised when the new folder is in place, but the old one could not be removed or synced."""


def current_folder(folder: Path) -> Path | None:
    """Return the folder that has the content of `folder` just now, or None."""
    # Tried twice: meanwhile the old folder may have been moved back to its place.
    for place in (folder, _sibling(folder, "old"), folder):
        if place.is_dir():
            return place
    return None


def replace_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Replace `folder` by a new one that `fill` writes into. For one process at a time.

    Raises `OSError`, which is a `ReplacedError` if the new folder is in place. After that, and
    after a kill, either the old folder or the new one exists, complete.
    """
    new = _sibling(folder, "new")
    clean_up(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new.mkdir()
        fill(new)
        _sync_tree(new)
        if not (folder.exists() and _exchange(new, folder)):
            if folder.exists():
                folder.rename(_sibling(folder, "old"))
            new.rename(folder)
    except BaseException:
        clean_up(folder)
        raise
    try:
        sync(folder.parent)
        clean_up(folder)
    except OSError as error:
        raise ReplacedError(error.errno, error.strerror, error.filename) from error


def clean_up(folder: Path) -> None:
    """Put back or remove the leftovers of a recorder that was stopped."""
    new, old, gone = (_sibling(folder, suffix) for suffix in ("new", "old", "gone"))
    for leftover in (new, gone):
        if leftover.exists():
            shutil.rmtree(leftover)
    if old.exists():
        target = gone if folder.exists() else folder
        old.rename(target)
        sync(folder.parent)
        if target == gone:
            shutil.rmtree(gone)


def _sibling(folder: Path, suffix: str) -> Path:
    return folder.with_name(f".{folder.name}.{suffix}")


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two folders atomically by Linux's renameat2(2); return False if unavailable.

    Not every file system supports it, nor does every C library.
    """
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415  only a recorder needs it

    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except AttributeError:
        return False
    cwd, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(renameat2(cwd, os.fsencode(first), cwd, os.fsencode(second), exchange) == 0)


def _sync_tree(top: Path) -> None:
    for folder, _, files in os.walk(top, topdown=False):
        for name in files:
            sync(Path(folder, name))
        sync(Path(folder))


def sync(path: Path) -> None:
    if path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
