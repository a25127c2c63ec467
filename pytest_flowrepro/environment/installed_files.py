"""The files of an environment: noted when it is complete, and checked before each reuse.

A file whose inode, size and times equal the noted ones was not written to: only the kernel sets the
time of a file's last change (ctime). No file is a hard link that another environment or a cache
shares.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_COMPLETE = "flowrepro-complete"
"""Written last: an environment without this file is incomplete, because its build was killed. A
virtualenv cannot be built elsewhere and moved into place, as its scripts name their
interpreter."""

_BYTECODE = frozenset({"__pycache__", "pycache"})

State: TypeAlias = tuple[int, int, int, int]
"""Inode, size, times of the last modification and of the last change in nanoseconds."""


def state_of(status: os.stat_result) -> State:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def note_complete(environment: Path) -> None:
    """Note that an environment is complete, and the state of its files."""
    # Replaced atomically: other processes may read it.
    part = environment / f"{_COMPLETE}.{os.getpid()}"
    part.write_text(json.dumps(states(environment), separators=(",", ":")), encoding="ascii")
    part.replace(environment / _COMPLETE)


def is_complete(environment: Path) -> bool:
    return (environment / _COMPLETE).exists()


def completion(environment: Path) -> State:
    """Return the state of the note of a complete environment: a later build has another one."""
    return state_of((environment / _COMPLETE).stat())


def edited_files(environment: Path) -> tuple[str, ...]:
    """List the files of a complete environment that changed since its build.

    They were added, removed or written to.

    Paths are relative and sorted. Bytecode is ignored.
    """
    noted, now = _noted(environment), states(environment)
    if noted == now:  # compared without Python code: there may be ten thousand files
        return ()
    paths = noted.keys() | now.keys()
    return tuple(sorted(path for path in paths if noted.get(path) != now.get(path)))


def _noted(environment: Path) -> Mapping[str, State]:
    """Return the noted states; empty if a flow deleted them, so that every file counts as new."""
    try:
        return _read_noted(environment, completion(environment))
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=64)
def _read_noted(environment: Path, _completion: State) -> Mapping[str, State]:
    noted = json.loads((environment / _COMPLETE).read_text(encoding="ascii"))
    return {path: tuple(state) for path, state in noted.items()}


def states(environment: Path) -> dict[str, State]:
    """Return the state of every file of an environment except bytecode, by relative path."""
    states_by_path: dict[str, State] = {}
    prefix = len(str(environment)) + 1
    folders = [str(environment)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:  # deleted meanwhile: a process that a flow left may still run
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _BYTECODE:
                        folders.append(entry.path)
                elif not entry.name.startswith(_COMPLETE):
                    state = state_of(entry.stat(follow_symlinks=False))
                    states_by_path[entry.path[prefix:]] = state
            except OSError:
                continue
    return states_by_path
