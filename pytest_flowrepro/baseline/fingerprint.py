"""Whether somebody touches a baseline while its flow runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READ = 1_000_000
"""Bytes up to which a file is read. A larger one is known by times that no program can set back."""


def fingerprint(folder: Path) -> Mapping[str, str]:
    """Return what tells the content of each file of a folder; nothing where there is none."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        try:
            status = path.lstat()
            if path.is_symlink() or not path.is_file():
                known = f"{status.st_mode}"
            elif status.st_size > _READ:
                known = f"{status.st_size} {status.st_ino} {status.st_ctime_ns}"
            else:
                known = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            known = f"errno {error.errno}"
        found[path.relative_to(folder).as_posix()] = known
    return found
