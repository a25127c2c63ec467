"""The temporary folder of a session: created, locked during the session, and removed.

It may have a hundred thousand small files, so a process of its own removes it after the session:
this file, run as a script. So it uses the standard library only.

Each process of a session holds a shared lock of the operating system on the file `held` in it. The
lock ends with its process in any case. If an exclusive lock is available, the folder belongs to a
session that ended, and the next session removes what is left of it. So `held` is the last file that
is removed. A folder that is kept has no such file.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

PREFIX = "flowrepro-"
_HELD = "held"
_FEW = 200
"""Files that are removed before a process has started that would do so."""


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


def remove_after_session(folder: Path, held: IO[bytes] | None) -> None:
    """Remove the folder of this session in the background, and release its lock.

    The process that does so has a session of its own, so Ctrl-C does not reach it. Without a lock,
    no later session could remove what that process leaves, and the folder is removed here. So is
    one with few files, such as that of a session that only collected.
    """
    is_small = held is not None and _has_few_files(folder) and _is_sole_holder(held)
    if held is None or is_small or not _start_removal(folder):
        remove_folder(folder)
    if held is not None:
        held.close()


def _is_sole_holder(held: IO[bytes]) -> bool:
    """Return whether no other process, such as a worker, holds the folder."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _has_few_files(folder: Path) -> bool:
    files = (name for _, _, names in os.walk(folder) for name in names)
    return sum(1 for _ in itertools.islice(files, _FEW)) < _FEW


# The parent ends at once, so that no process has to wait for its child.
_DETACH = """
import os, runpy, sys
if not os.fork():
    runpy.run_path(sys.argv[1], run_name="__main__")
os._exit(0)
"""


def _start_removal(folder: Path) -> bool:
    """Return whether a process was started that removes a folder once no process holds it."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _DETACH, __file__, folder],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def remove_unheld(folder: Path, *, timeout: float) -> None:
    """Remove a folder as soon as no process holds it, unless that takes longer than `timeout`."""
    last = time.monotonic() + timeout
    with contextlib.suppress(FileNotFoundError), (folder / _HELD).open("r+b") as lock:
        while time.monotonic() < last:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(0.02)
            else:
                remove_folder(folder)
                return


def remove_folder(folder: Path) -> None:
    """Remove a folder with its contents, as far as that is possible; its lock last."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name != _HELD:
            _remove(path)
    _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir():  # a flow may have made a folder read-only
        for parent, folders, _ in os.walk(folder):
            for name in folders:
                with contextlib.suppress(OSError):
                    Path(parent, name).chmod(0o700, follow_symlinks=False)
        shutil.rmtree(folder, ignore_errors=True)


def remove_dead_folders(parent: Path | None = None) -> None:
    """Remove the folders of this user's sessions that ended before they were removed."""
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _HELD).open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_folder(folder)


if __name__ == "__main__":
    os.nice(10)
    remove_unheld(Path(sys.argv[-1]), timeout=60)
