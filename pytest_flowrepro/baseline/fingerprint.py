"""Fingerprints of a baseline's files, to detect changes while its flow runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READ = 1_000_000
"""Maximum number of bytes of a file that is read. A larger file is identified by its ctime, which
no program can set back."""


def fingerprint(folder: Path) -> Mapping[str, str]:
    """Return a fingerprint of each file's content, by path; empty if there is no folder."""
    fingerprints = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        try:
            status = path.lstat()
            if path.is_symlink() or not path.is_file():
                content = f"{status.st_mode}"
            elif status.st_size > _READ:
                content = f"{status.st_size} {status.st_ino} {status.st_ctime_ns}"
            else:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            content = f"errno {error.errno}"
        fingerprints[path.relative_to(folder).as_posix()] = content
    return fingerprints
