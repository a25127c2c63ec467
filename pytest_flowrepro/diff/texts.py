"""Where two texts differ."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT = 40  # characters of a text that is shown whole
_AROUND = 20  # characters on each side of the first that differs
_LINES = 2_000
"""Lines that are aligned; difflib needs time with their square."""
_WIDTH = 120


def text_lines(old: str, new: str) -> Iterator[str]:
    """Both texts, a unified diff of their lines, or the surroundings of the first difference."""
    if max(len(old), len(new)) <= _SHORT:
        yield f"{old!r} -> {new!r}"
        return
    a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if 1 < max(len(a), len(b)) <= _LINES:
        hunks = list(islice(difflib.unified_diff(a, b, n=1), 2, None))
        if all(len(line) <= _WIDTH for line in hunks):
            yield f"{len(a):,} lines -> {len(b):,}"
            yield from (f"  {line.removesuffix(chr(10))}" for line in hunks)
            return
    yield _window(old, new)


def _window(old: str, new: str) -> str:
    pairs = enumerate(zip(old, new, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
    before, now = (text[max(0, at - _AROUND) : at + _AROUND] for text in (old, new))
    return f"from character {at:,} on: {before!r} -> {now!r}"
