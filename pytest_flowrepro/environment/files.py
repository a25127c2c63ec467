"""The files of an environment: read once when it is complete, and looked at before each reuse.

A file whose inode, size and times are those that were noted has the content that was noted, too:
the kernel alone sets the time of a file's last change (ctime), whoever writes, by whichever link.
Another link to a file, which each environment made from the same cache is, sets it as well. So a
file with another time is read again, and only another content is an edit.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_flowrepro.processors import processors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_COMPLETE = "flowrepro-complete"
"""Written last: an environment without this file is half-built, by a process that was killed.
A virtualenv cannot be built aside and moved into place, its scripts name their interpreter."""

_BYTECODE = frozenset({"__pycache__", "pycache"})

_WHOLE = 1_000_000
"""Bytes up to which a file is read at once: `file_digest` makes a buffer of 256 kB for each."""

State: TypeAlias = tuple[int, int, int, int]
"""Inode, size, times of the last modification and of the last change in nanoseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledFile:
    state: State
    """From before it was read: what is written to it meanwhile has another one."""
    sha256: str
    """In hex, of the content, or of what a symbolic link says; empty for anything else."""


def state_of(status: os.stat_result) -> State:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def read_files(environment: Path) -> dict[str, InstalledFile]:
    """Every file below an environment but bytecode, by its path there, with `/`."""
    found = sorted(states(environment).items())
    count = processors()

    def read(number: int) -> dict[str, InstalledFile]:
        return {
            path: InstalledFile(state=state, sha256=_sha256(f"{environment}/{path}"))
            for path, state in found[number::count]
        }

    # Hashing and reading let the other threads go on.
    with ThreadPoolExecutor(count) as threads:
        return {
            path: file for part in threads.map(read, range(count)) for path, file in part.items()
        }


def note_complete(environment: Path, files: Mapping[str, InstalledFile]) -> None:
    """Say that an environment is ready for use, and what is in it."""
    noted = {path: (file.sha256, *file.state) for path, file in files.items()}
    # Replaced into place: others may read it, and nobody is to see half of it.
    part = environment / f"{_COMPLETE}.{os.getpid()}"
    part.write_text(json.dumps(noted, separators=(",", ":")), encoding="ascii")
    part.replace(environment / _COMPLETE)


def is_complete(environment: Path) -> bool:
    return (environment / _COMPLETE).exists()


def edited_files(environment: Path) -> tuple[str, ...]:
    """The files of a complete environment that are new, gone, or have another content than when
    it was built; by their paths there, sorted. Bytecode is not looked at.
    """
    noted = _noted(environment)
    now = states(environment)
    touched = [path for path in noted.keys() & now.keys() if noted[path].state != now[path]]
    edited = noted.keys() ^ now.keys()
    for path in touched:
        if _sha256(f"{environment}/{path}") == noted[path].sha256:
            noted[path] = replace(noted[path], state=now[path])
        else:
            edited.add(path)
    if touched and not edited:
        note_complete(environment, noted)  # who looks next need not read them again
    return tuple(sorted(edited))


def _noted(environment: Path) -> dict[str, InstalledFile]:
    """Empty where a flow did away with it: then every file that is there is told as new."""
    try:
        noted = json.loads((environment / _COMPLETE).read_text(encoding="ascii"))
        return {
            path: InstalledFile(state=tuple(state), sha256=sha256)
            for path, (sha256, *state) in noted.items()
        }
    except (OSError, ValueError):
        return {}


def states(environment: Path) -> dict[str, State]:
    """That of every file below an environment but bytecode, by its path there."""
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


def _sha256(path: str) -> str:
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()  # noqa: PTH115
        if not stat.S_ISREG(status.st_mode):  # to open a FIFO would wait for ever
            return ""
        with open(path, "rb", buffering=0) as content:  # noqa: PTH123  thousands of files
            if status.st_size <= _WHOLE:
                return hashlib.sha256(content.read()).hexdigest()
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""
