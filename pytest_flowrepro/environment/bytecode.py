"""Bytecode that outlives the environment it was made in.

An environment is built anew for each session, and its first import of Metaflow would compile
Metaflow anew: 1.3 s, 2.5 s with pandas, more than the build takes. What one session compiled is
therefore kept in the user's cache, in one folder for each lock and interpreter, and linked to the
place where Python looks for it.

Python takes bytecode only when it was made from a source of the same size and time (PEP 3147), so
every installed source gets one fixed time. A file that a flow edits has another time: its bytecode
is made anew, then and in the next environment, where the file is as the wheel brought it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from pytest_flowrepro.environment.manifest import site_packages

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import BuiltEnvironment

_SOURCE_TIME = 1_000_000_000
"""Seconds since the epoch, for every installed source: only that it is always the same counts."""

_UNUSED_FOR = 30 * 24 * 3600.0
"""Seconds after which a lock's bytecode is deleted."""


def keep_bytecode(built: BuiltEnvironment) -> None:
    """Let the environment take and leave bytecode in the user's cache; without one, in itself."""
    environment = built.path
    for folder, _, files in os.walk(site_packages(environment)):
        for file in files:
            if file.endswith(".py"):
                os.utime(os.path.join(folder, file), (_SOURCE_TIME, _SOURCE_TIME))  # noqa: PTH118  thousands of files
    identity = f"{built.manifest.python}\n{built.manifest.lock.digest}"
    kept = user_cache_path("pytest-flowrepro") / "bytecode"
    own = kept / hashlib.sha256(identity.encode()).hexdigest()[:16]
    # Where Python looks for the bytecode of a file: its whole path, below the prefix.
    link = built.bytecode.joinpath(*environment.parts[1:])
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        own.mkdir(parents=True, exist_ok=True)
        os.utime(own)
        link.symlink_to(own, target_is_directory=True)
        _forget_unused(kept)


def _forget_unused(kept: Path) -> None:
    now = time.time()
    for folder in kept.iterdir():
        if now - folder.stat().st_mtime > _UNUSED_FOR:
            shutil.rmtree(folder, ignore_errors=True)
