"""The differences between two texts."""

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
    """Yield both texts, a unified diff of their lines, or the text around the first difference."""
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


def head_lines(old: str, new: str) -> list[str]:
    """Return where the beginnings of two texts differ; empty if their common part is equal.

    Both were cut at a number of characters. So their last lines may be incomplete, and additional
    lines at the end of one may be beyond the cut of the other.
    """
    size = min(len(old), len(new))
    if old[:size] == new[:size]:
        return []
    hunks = _hunks(_whole_lines(old), _whole_lines(new))
    if hunks:
        return ["differs in its first lines:", *hunks]
    return [_window(old[:size], new[:size])]


def tail_lines(old: str, new: str) -> list[str]:
    """Return where the ends of two texts differ; empty if their common part is equal."""
    size = min(len(old), len(new))
    if old[len(old) - size :] == new[len(new) - size :]:
        return []
    a, b = (_whole_lines(text[::-1]) for text in (old, new))
    hunks = [line for line in _hunks(a, b) if not line.startswith("  @@")]
    if hunks:
        # Shown in their order, without line numbers, which are not known.
        return ["differs in its last lines:", *(f"  {x[2]}{x[:2:-1]}" for x in reversed(hunks))]
    at = next(i for i in range(1, size + 1) if old[-i] != new[-i])
    before, now = (
        text[max(0, len(text) - at - _AROUND) : len(text) - at + _AROUND] for text in (old, new)
    )
    return [f"near its end: {before!r} -> {now!r}"]


def _whole_lines(cut: str) -> list[str]:
    """Return the lines of a beginning without the last, which may be cut."""
    return cut.split("\n")[:-1]


def _hunks(old: list[str], new: list[str]) -> list[str]:
    """Return the unified diff of two beginnings.

    Lines that only one of them has at its end are left out.
    """
    *_, (tag, i, stop, j, new_stop) = difflib.SequenceMatcher(None, old, new).get_opcodes() or [
        ("equal", 0, 0, 0, 0)
    ]
    if tag != "equal":
        both = min(stop - i, new_stop - j)
        old, new = old[: i + both], new[: j + both]
    hunks = list(islice(difflib.unified_diff(old, new, n=1, lineterm=""), 2, None))
    return [f"  {line}" for line in hunks] if all(len(x) <= _WIDTH for x in hunks) else []


def _window(old: str, new: str) -> str:
    pairs = enumerate(zip(old, new, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
    before, now = (text[max(0, at - _AROUND) : at + _AROUND] for text in (old, new))
    return f"from character {at:,} on: {before!r} -> {now!r}"
