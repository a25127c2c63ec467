"""What makes a prefix of conda's ready for use, as a virtualenv is made (environment/build.py)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.bytecode import SOURCE_TIME, fix_source_times, share_bytecode
from pytest_flowrepro.environment.files import note_complete

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pytest_flowrepro.environment.files import InstalledFile


def complete_prefix(
    prefix: Path,
    files: Mapping[str, InstalledFile],
    *,
    lock: str,
    rewritten: Collection[str],
    metaflow: str = "",
) -> None:
    """Let a prefix take and leave bytecode in the user's cache, without one in itself, and note
    that it is complete.

    `files` are all that it has, as they were verified, `lock` the digest of its lock. `rewritten`
    are the files, relative to the prefix, into which conda wrote the prefix's own path: of two
    prefixes they may well have one size, and must not have one time. `metaflow` is the `record` of
    a Metaflow that was put there, and that the lock does not name.
    """
    own = SOURCE_TIME + 1 + int(hashlib.sha256(bytes(prefix)).hexdigest()[:7], 16)
    fixed = fix_source_times(prefix, files, others=dict.fromkeys(rewritten, own))
    share_bytecode(prefix, lock, metaflow)
    note_complete(prefix, fixed)
