"""The output of a step that failed, as its test shows it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LINES = 60
"""Maximum number of lines: enough for a traceback through a library or two."""
_BEGIN = "Traceback (most recent call last):"
_FRAME = re.compile(r'  File "(?P<path>[^"]*)", line \d+')
_OURS = re.compile(r"[/\\](?:site-packages[/\\]metaflow|_flowrepro)[/\\]")
"""The files that run a step: Metaflow's, and this plugin's in the flow's interpreter."""


def tail(text: str) -> str:
    """Return the last lines of a text, and how many were left out."""
    lines = text.rstrip().splitlines()
    cut = [f"[... {len(lines) - _LINES} lines left out ...]"] if len(lines) > _LINES else []
    return "\n".join([*cut, *lines[-_LINES:]])


def own_traceback(text: str, folder: Path) -> str:
    """Return the output with tracebacks that begin in the flow's own code.

    The frames of Metaflow before those are left out. `folder` has the copies of the project in
    which reruns work (`<rerun>/code/`); their files get the paths that they have in the project.
    """
    copied = re.compile(rf"{re.escape(str(folder))}/[^/\"]+/code/")
    return "\n".join(_without_runner(copied.sub("", text).splitlines()))


def _without_runner(lines: list[str]) -> Iterator[str]:
    position = 0
    while position < len(lines):
        yield lines[position]
        position += 1
        if lines[position - 1].strip(" |+") == _BEGIN:
            frames = _leading_frames(lines, position)
            if frames > position:
                count = sum(_FRAME.match(line) is not None for line in lines[position:frames])
                yield f"  [... {counted(count, 'frame')} of Metaflow left out ...]"
            position = frames


def _leading_frames(lines: list[str], start: int) -> int:
    """Return the position of the first frame of the flow; `start` for a traceback without one."""
    for position in range(start, len(lines)):
        match = _FRAME.match(lines[position])
        if match and not _OURS.search(match["path"]):
            return position
        if not lines[position].startswith(" "):
            return start
    return start
