"""The files of an environment: noted when it is complete, and looked at before each reuse.

A file whose inode, size and times are those that were noted was not written to: the kernel alone
sets the time of a file's last change (ctime), whoever writes. No file has a second link that
another environment or a cache would share.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMPLETE = "flowrepro-complete"
"""Written last: an environment without this file is half-built, by a process that was killed.
A virtualenv cannot be built aside and moved into place, its scripts name their interpreter."""

_BYTECODE = frozenset({"__pycache__", "pycache"})

State: TypeAlias = tuple[int, int, int, int]
"""Inode, size, times of the last modification and of the last change in nanoseconds."""


def state_of(status: os.stat_result) -> State:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def note_complete(environment: Path) -> None:
    """Note that an environment is ready for use, and what is in it."""
    # Replaced into place: others may read it, and nobody is to see half of it.
    part = environment / f"{_COMPLETE}.{os.getpid()}"
    part.write_text(json.dumps(states(environment), separators=(",", ":")), encoding="ascii")
    part.replace(environment / _COMPLETE)


def is_complete(environment: Path) -> bool:
    return (environment / _COMPLETE).exists()


def edited_files(environment: Path) -> tuple[str, ...]:
    """List the files of a complete environment that are new, gone, or were written to since it was
    built; by their paths there, sorted. Bytecode is not looked at.
    """
    noted, now = _noted(environment), states(environment)
    paths = noted.keys() | now.keys()
    return tuple(sorted(path for path in paths if noted.get(path) != now.get(path)))


def _noted(environment: Path) -> dict[str, State]:
    """Empty where a flow did away with it: then every file that is there is told as new."""
    try:
        noted = json.loads((environment / _COMPLETE).read_text(encoding="ascii"))
        return {path: tuple(state) for path, state in noted.items()}
    except (OSError, ValueError):
        return {}


def states(environment: Path) -> dict[str, State]:
    """Return the state of every file below an environment but bytecode, by its path there."""
    return dict(_walk(str(environment), len(str(environment)) + 1))


def _walk(folder: str, prefix: int) -> Iterator[tuple[str, State]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # gone meanwhile: a process that a flow has left may still work
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _BYTECODE:
                    yield from _walk(entry.path, prefix)
            elif not entry.name.startswith(_COMPLETE):
                yield entry.path[prefix:], state_of(entry.stat(follow_symlinks=False))
        except OSError:
            continue
