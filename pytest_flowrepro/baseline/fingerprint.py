"""Fingerprints of a baseline's files, to detect changes while its flow runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.locks import lock_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READ = 1_000_000
"""Maximum number of bytes of a file that is read. A larger file is identified by its ctime, which
no program can set back."""


def fingerprint(folder: Path) -> Mapping[Path, str]:
    """Return a fingerprint of each file of a baseline, and of its locks; empty without one."""
    fingerprints = {}
    files = (*sorted(folder.rglob("*")), *lock_files(folder)) if folder.is_dir() else ()
    for path in files:
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
        fingerprints[path] = content
    return fingerprints
