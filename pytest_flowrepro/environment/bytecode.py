"""Bytecode that outlives the environment it was made in.

An environment is built anew for each session, and its first import of Metaflow would compile
Metaflow anew: 1.3 s, 2.5 s with pandas, more than the build takes. What one session compiled is
therefore kept in the user's cache, in one folder for each lock and interpreter, and linked to the
place where Python looks for it. The standard library has a folder of its own there: with
PYTHONPYCACHEPREFIX Python does not look beside its sources either.

Python takes bytecode only where it was made from a source of the same size and time (PEP 3147), so
every installed source gets one fixed time. A file that a flow edits has another time: its bytecode
is made anew, then and in the next environment, where the file is as the wheel brought it. What a
flow edits without leaving a trace in size and time would be taken for the original's: the bytecode
of every file that was edited is deleted.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from pytest_flowrepro.environment.files import state_of
from pytest_flowrepro.environment.manifest import base_prefix, interpreter_of, site_packages
from pytest_flowrepro.model import bytecode_folder
from pytest_flowrepro.unused import forget_unused, note_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_flowrepro.environment.files import InstalledFile
    from pytest_flowrepro.model import BuiltEnvironment

SOURCE_TIME = 1_000_000_000
"""Seconds since the epoch, for every installed source: only that it is always the same counts."""


def fix_source_times(
    environment: Path,
    files: Mapping[str, InstalledFile],
    others: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, InstalledFile]:
    """Give every source one time, but for `others`, which have their own; the files as they are
    then.

    To be called with files that were verified, and it passes over those that were written to
    since: their inode may be that of an environment in which a flow is at work, where an edit that
    got the fixed time would be taken for what was compiled before it.
    """
    fixed = dict(files)
    for path, file in files.items():
        seconds = others.get(path, SOURCE_TIME)
        if path.endswith(".py") and file.state[2] != seconds * 10**9:
            source = f"{environment}/{path}"
            if state_of(os.lstat(source)) == file.state:
                os.utime(source, (seconds, seconds), follow_symlinks=False)
                fixed[path] = replace(file, state=state_of(os.lstat(source)))
    return fixed


def keep_bytecode(virtualenv: Path, *, lock: str) -> None:
    """Let a virtualenv take and leave bytecode in the user's cache; without one, in itself.

    `lock` is the digest of its lock.
    """
    library = _standard_library(virtualenv)
    _link(virtualenv, library, _kept() / _key(interpreter_of(virtualenv), str(library)))
    share_bytecode(virtualenv, lock)


def share_bytecode(environment: Path, *identity: str) -> None:
    """Let the files of an environment take and leave it where those of every other one of that
    interpreter and identity do.
    """
    _link(environment, environment, _kept() / _key(interpreter_of(environment), *identity))
    forget_unused(_kept())


def forget_bytecode(built: BuiltEnvironment, sources: Iterable[str]) -> None:
    """Delete what was compiled of files of the environment, by their paths there."""
    kept = built.bytecode.joinpath(*built.path.parts[1:])
    for source in map(Path, sources):
        if source.suffix == ".py":
            for compiled in (kept / source.parent).glob(f"{glob.escape(source.stem)}.*.pyc"):
                compiled.unlink(missing_ok=True)


def _standard_library(environment: Path) -> Path:
    """Below the interpreter's own prefix."""
    return base_prefix(environment) / site_packages(environment).parent.relative_to(environment)


def _kept() -> Path:
    return user_cache_path("pytest-flowrepro") / "bytecode"


def _key(*identity: str) -> str:
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]


def _link(environment: Path, sources: Path, own: Path) -> None:
    """Let Python find what `own` holds as the bytecode of the files below `sources`."""
    # Where it looks: the file's whole path, below the prefix.
    link = bytecode_folder(environment).joinpath(*sources.parts[1:])
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        own.mkdir(parents=True, exist_ok=True)
        note_use(own)
        link.symlink_to(own, target_is_directory=True)
