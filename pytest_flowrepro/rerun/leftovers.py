"""Files that a flow left in its working directory, where its next run may find them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_flowrepro.model import TaskLog

_SHOWN = 50

State: TypeAlias = tuple[int, int, int]
"""Time of the last change in nanoseconds, size in bytes, inode."""


def file_states(folder: Path) -> dict[str, State]:
    """Return a state that changes when a file is written, by its path in `folder`, with `/`."""
    return dict(_states(folder))


def _states(folder: Path) -> Iterator[tuple[str, State]]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"__pycache__", ".git"}]
        for name in files:
            path = Path(parent, name)
            try:
                status = path.lstat()
            except OSError:  # deleted meanwhile: a process that the flow left may still run
                continue
            state = (status.st_mtime_ns, status.st_size, status.st_ino)
            yield path.relative_to(folder).as_posix(), state


def left_behind(
    folder: Path, before: Mapping[str, State], logs: Iterable[TaskLog]
) -> tuple[str, ...]:
    """Return a sentence for each file added, changed or removed since `before`, with its writer.

    The writer is known if Python code opened the file.
    """
    now = file_states(folder)
    writers: dict[str, dict[str, None]] = {}
    for log in logs:
        for path in log.written:
            if Path(path).is_relative_to(folder):
                relative = Path(path).relative_to(folder).as_posix()
                writers.setdefault(relative, {})[log.step] = None
    lines = []
    for path in sorted(before.keys() | now.keys()):
        if before.get(path) != now.get(path):
            how = "wrote" if path not in before else "changed" if path in now else "removed"
            steps = ", ".join(writers.get(path, ()))
            lines.append(f"{f'step {steps}' if steps else 'the flow'} {how} {path}")
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"and {len(lines) - _SHOWN} more files"]
    return tuple(lines)
