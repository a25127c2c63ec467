"""Questions about the paths of thousands of files, answered without a call for each."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fnmatch import translate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(slots=True)
class RealPaths:
    """Real paths, for which the links in a folder's own path are followed once."""

    _folders: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Return `os.path.realpath(path)`, for an absolute path without `..`."""
        folder = path.parent
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = os.path.realpath(folder)
        file = os.path.join(real, path.name)  # noqa: PTH118  a Path takes three times as long
        return os.path.realpath(file) if os.path.islink(file) else file  # noqa: PTH114


@dataclass(frozen=True, slots=True)
class FilePatterns:
    """Glob patterns for files, of which most match the name alone."""

    _names: re.Pattern[str] | None
    _paths: tuple[str, ...]

    @classmethod
    def of(cls, patterns: Iterable[str]) -> FilePatterns:
        every = tuple(patterns)
        names = "|".join(translate(pattern) for pattern in every if "/" not in pattern)
        return cls(
            re.compile(names) if names else None,
            tuple(pattern for pattern in every if "/" in pattern),
        )

    def match(self, path: Path) -> bool:
        """Return whether a pattern matches the path, as `Path.match` has it."""
        if self._names is not None and self._names.match(path.name):
            return True
        return any(path.match(pattern) for pattern in self._paths)
