"""The temporary folder of a session: created, locked during the session, and removed.

Each process of a session holds a shared lock of the operating system on the file `held` in it. The
lock ends with its process in any case. If an exclusive lock is available, the folder belongs to a
session that died, and the next session removes it. A folder that is kept has no such file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

PREFIX = "flowrepro-"
_HELD = "held"


def make_folder(parent: Path | None = None) -> Path:
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))


def hold_folder(folder: Path) -> IO[bytes] | None:
    """Lock the folder and return the open file of the lock; None without locks on the file system.

    The lock is held as long as the file is open.
    """
    held = folder / _HELD
    # Locked before it is renamed: another session may look at any moment.
    unnamed = None if held.exists() else folder / f".{_HELD}"
    with contextlib.suppress(OSError):
        lock = (unnamed or held).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if unnamed:
                unnamed.rename(held)
        except OSError:
            lock.close()
            raise
        return lock
    return None


def remove_folder(folder: Path) -> None:
    """Remove a folder with its contents, as far as that is possible."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # a flow may have made a folder read-only
        for parent, folders, _ in os.walk(folder):
            for name in folders:
                with contextlib.suppress(OSError):
                    Path(parent, name).chmod(0o700, follow_symlinks=False)
        shutil.rmtree(folder, ignore_errors=True)


def remove_dead_folders(parent: Path | None = None) -> None:
    """Remove the folders of this user's sessions that died before they could do so."""
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _HELD).open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_folder(folder)
