"""The jobs that used a shared environment at the same time.

All processes of a session append one line of JSON for each begin and each end to a file next to the
environment. A process that was killed has a begin without an end.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(slots=True)
class _Use:
    key: str
    title: str
    begin: float
    end: float | None = None

    def is_of(self, key: str) -> bool:
        """Return whether a job, or one that runs before it, has this key."""
        return self.key == key or self.key.startswith(f"{key}/")

    def meets(self, other: _Use) -> bool:
        return (self.end is None or other.begin <= self.end) and (
            other.end is None or self.begin <= other.end
        )


def begin_use(environment: Path, *, key: str, title: str) -> None:
    """Note that a job begins to use an environment.

    `key` is its folder, which contains the folders of the jobs that run before it.
    """
    _append(environment, {"key": key, "title": title, "begin": time.monotonic()})


def end_use(environment: Path, *, key: str) -> None:
    """Note that a job, and those that ran before it, no longer use an environment."""
    for use in tuple(_read_uses(environment)):
        if use.is_of(key) and use.end is None:
            _append(environment, {"key": use.key, "end": time.monotonic()})


def used_by(folder: Path, *, key: str) -> tuple[Path, ...]:
    """List the environments below `folder` that a job uses or used."""
    places = (file.with_name(file.name.removesuffix(_USES)) for file in folder.glob(f"*{_USES}"))
    return tuple(place for place in places if any(use.is_of(key) for use in _read_uses(place)))


def others_meanwhile(environment: Path, *, key: str) -> tuple[str, ...]:
    """List the titles of the other jobs that used an environment while the job `key` did."""
    uses = tuple(_read_uses(environment))
    own_uses = [use for use in uses if use.is_of(key)]
    others = (use for use in uses if not use.is_of(key) and any(use.meets(own) for own in own_uses))
    return tuple(dict.fromkeys(use.title for use in others))


_USES = ".uses"


def _uses_file(environment: Path) -> Path:
    return environment.with_name(f"{environment.name}{_USES}")


def _append(environment: Path, line: dict[str, str | float]) -> None:
    with _uses_file(environment).open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(line)}\n")


def _read_uses(environment: Path) -> Iterator[_Use]:
    open_uses: dict[str, _Use] = {}
    file = _uses_file(environment)
    for text in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        line = json.loads(text)
        if "begin" in line:
            open_uses.setdefault(line["key"], _Use(line["key"], line["title"], line["begin"]))
        elif use := open_uses.pop(line["key"], None):
            use.end = line["end"]
            yield use
    yield from open_uses.values()
