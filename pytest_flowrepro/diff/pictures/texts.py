"""Two texts side by side."""

from __future__ import annotations

import difflib
from itertools import zip_longest
from typing import TYPE_CHECKING

from pytest_flowrepro.model import LinePair, Lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ALIGNED = 2_000
"""Lines that are aligned; difflib needs time with their square."""
_AROUND = 3
"""Equal lines shown before and after those that differ."""
_MOST = 100
"""Pairs of lines in a picture."""
_WIDTH = 500
"""Characters of a line that are shown."""

_LEFT_OUT = LinePair(old_number=None, old=None, new_number=None, new=None)


def side_by_side(place: str, old: str, new: str) -> Lines | None:
    """Return the lines around each difference; None for one line, and for thousands."""
    a, b = old.splitlines(), new.splitlines()
    if not 1 < max(len(a), len(b)) <= _ALIGNED or a == b:
        return None
    pairs = list(_pairs(a, b))
    left_out = sum(pair.old != pair.new for pair in pairs[_MOST:])
    return Lines(place=place, pairs=tuple(pairs[:_MOST]), left_out=left_out)


def _pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[LinePair]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    shown = (0, 0)
    for group in matcher.get_grouped_opcodes(_AROUND):
        if group[0][1] > shown[0] or group[0][3] > shown[1]:
            yield _LEFT_OUT
        for _, a, a_end, b, b_end in group:
            for i, j in zip_longest(range(a, a_end), range(b, b_end)):
                yield LinePair(
                    old_number=None if i is None else i + 1,
                    old=None if i is None else old[i][:_WIDTH],
                    new_number=None if j is None else j + 1,
                    new=None if j is None else new[j][:_WIDTH],
                )
        shown = group[-1][2], group[-1][4]
    if shown[0] < len(old) or shown[1] < len(new):
        yield _LEFT_OUT
