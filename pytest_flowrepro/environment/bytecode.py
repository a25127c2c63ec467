"""Bytecode that outlives the environment it was made in.

An environment is built anew for each session, and its first import of Metaflow would compile
Metaflow anew: 1.3 s, 2.5 s with pandas, more than the build takes. What one session compiled is
therefore kept in the user's cache, in one folder for each lock and interpreter, and linked to the
place where Python looks for it. The standard library has a folder of its own there: with
PYTHONPYCACHEPREFIX Python does not look beside its sources either.

Python takes bytecode only where it was made from a source of the same size and time (PEP 3147), so
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

from pytest_flowrepro.environment.manifest import base_prefix, site_packages

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
    kept = user_cache_path("pytest-flowrepro") / "bytecode"
    interpreter = built.manifest.python
    library = _standard_library(environment)
    _link(built, environment, kept / _key(interpreter, built.manifest.lock.digest))
    _link(built, library, kept / _key(interpreter, str(library)))
    with contextlib.suppress(OSError):
        _forget_unused(kept)


def _standard_library(environment: Path) -> Path:
    """Below the interpreter's own prefix."""
    return base_prefix(environment) / site_packages(environment).parent.relative_to(environment)


def _key(*identity: str) -> str:
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]


def _link(built: BuiltEnvironment, sources: Path, own: Path) -> None:
    """Let Python find what `own` holds as the bytecode of the files below `sources`."""
    # Where it looks: the file's whole path, below the prefix.
    link = built.bytecode.joinpath(*sources.parts[1:])
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        own.mkdir(parents=True, exist_ok=True)
        os.utime(own)
        link.symlink_to(own, target_is_directory=True)


def _forget_unused(kept: Path) -> None:
    now = time.time()
    for folder in kept.iterdir():
        if now - folder.stat().st_mtime > _UNUSED_FOR:
            shutil.rmtree(folder, ignore_errors=True)
