"""Bytecode of conda's prefixes, kept as that of virtualenvs is (environment/bytecode.py)."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.bytecode import SOURCE_TIME, share_bytecode

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_flowrepro.model import BuiltEnvironment


def keep_prefix_bytecode(
    built: BuiltEnvironment, *, metaflow: str, rewritten: Collection[str]
) -> None:
    """Let a prefix take and leave bytecode in the user's cache; without one, in itself.

    `metaflow` is the `record` of the Metaflow that was put there. `rewritten` are the files,
    relative to the prefix, into which conda wrote the prefix's own path: of two prefixes they may
    well have one size, and must not have one time.
    """
    prefix = built.path
    own = SOURCE_TIME + 1 + int(hashlib.sha256(bytes(prefix)).hexdigest()[:7], 16)
    naming_it = {os.path.join(prefix, path) for path in rewritten}  # noqa: PTH118  thousands of files
    for folder, _, files in os.walk(prefix):
        for file in files:
            if file.endswith(".py"):
                path = os.path.join(folder, file)  # noqa: PTH118
                seconds = own if path in naming_it else SOURCE_TIME
                os.utime(path, (seconds, seconds), follow_symlinks=False)
    share_bytecode(built, built.manifest.python, built.manifest.lock.digest, metaflow)
