"""The user's own files, which a rerun should not change, as it works in a copy.

Isolation is by agreement: a flow runs with the rights of its user, and may write to any path that
it finds. Writes by Python are known from its tasks (flowrepro_written.py); other changes are
detected by the times and sizes of the files, without their author.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.project_folders import is_excluded
from pytest_flowrepro.support.temporary_folder import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_flowrepro.model import TaskLog
    from pytest_flowrepro.rerun.leftovers import State

FILES = 50_000
"""The number of files that are examined before and after a rerun: more would take seconds."""

_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectTree:
    """The files of a project at one time.

    Hidden files, environments and caches are left out, and baselines, which are checked separately
    (baseline_edits.py).
    """

    root: Path
    states: Mapping[str, State]
    """Keyed by the path below the root."""

    @classmethod
    def look(cls, root: Path) -> ProjectTree:
        states: dict[str, State] = {}
        for path, state in _states(root):
            if len(states) == FILES:
                return cls(root=root, states={})
            states[path] = state
        return cls(root=root, states=states)

    def changes(self, logs: Iterable[TaskLog]) -> tuple[str, ...]:
        """Return a sentence for each file that a task wrote or that changed."""
        writers = written_in(self.root, logs)
        now = dict(_states(self.root)) if self.states else {}
        changed = [
            path
            for path in sorted(self.states.keys() | now.keys())
            if self.states.get(path) != now.get(path)
        ]
        sentences = []
        for path, steps in sorted(writers.items()):
            how = "wrote" if (self.root / path).exists() else "removed"
            sentences.append(
                f"{steps_of(steps)} {how} {path} in the project itself; a rerun has a copy of the "
                "project: use a path relative to the working directory"
            )
        for path in changed:
            if path not in writers:
                how = "changed" if path in now and path in self.states else "was removed"
                how = "appeared" if path not in self.states else how
                sentences.append(
                    f"{path} {how} in the project while the flow ran; whether the flow did it "
                    "is not known"
                )
        if len(sentences) > _SHOWN:
            sentences[_SHOWN:] = [f"and {len(sentences) - _SHOWN} more files in the project itself"]
        return tuple(sentences)


def written_in(root: Path, logs: Iterable[TaskLog]) -> dict[str, tuple[str, ...]]:
    """Map paths below `root` to the steps that wrote to them; without files of a session."""
    spelled = {root, root.resolve()}
    writers: dict[str, dict[str, None]] = {}
    for log in logs:
        for path in map(Path, log.written):
            for top in spelled:
                if path.is_relative_to(top):
                    below = path.relative_to(top)
                    if not any(part.startswith(PREFIX) for part in below.parts):
                        writers.setdefault(below.as_posix(), {})[log.step] = None
    return {path: tuple(steps) for path, steps in writers.items()}


def steps_of(steps: tuple[str, ...]) -> str:
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(steps)}"


def _states(root: Path) -> Iterator[tuple[str, State]]:
    folders = [""]
    while folders:
        parent = folders.pop()
        try:
            entries = list(os.scandir(root / parent))
        except OSError:  # deleted meanwhile, or not readable
            continue
        for entry in entries:
            path = f"{parent}{entry.name}"
            if entry.name.startswith((".", PREFIX)):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not is_excluded(Path(entry.path)):
                        folders.append(f"{path}/")
                    continue
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield path, (status.st_mtime_ns, status.st_size, status.st_ino)
