"""The alignment of two sequences: which items were taken out, and which put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_EDITS = 1_500
"""Insertions and deletions that are looked for; memory grows with the square."""
_STEPS = 3_000_000
"""About half a second."""


class Run(NamedTuple):
    """`new[new_start:new_stop]` takes the place of `old[start:stop]`; one of them may be empty."""

    start: int
    stop: int
    new_start: int
    new_stop: int


def runs(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Run] | None:
    """Return the shortest runs that differ, in order; None where finding them takes too long.

    E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), between what is
    common at both ends.
    """
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    matches = _matches(a, b)
    if matches is None:
        return None
    differing: list[Run] = []
    i = j = 0
    for x, y in [*matches, (len(a), len(b))]:
        if (x, y) != (i, j):
            differing.append(Run(i + head, x + head, j + head, y + head))
        i, j = x + 1, y + 1
    return differing


def _matches(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]] | None:
    """Return the pairs of equal items on a shortest path of insertions and deletions."""
    n, m = len(a), len(b)
    if not n or not m:
        return []
    bound = min(n + m, _EDITS)
    # The furthest x on each diagonal x - y, whose index is `bound + 1` larger.
    reach = [0] * (2 * bound + 3)
    history: list[list[int]] = []
    steps = 0
    for edits in range(bound + 1):
        history.append(reach[bound - edits : bound + edits + 3])
        for diagonal in range(-edits, edits + 1, 2):
            at = bound + 1 + diagonal
            down = diagonal == -edits or (diagonal != edits and reach[at - 1] < reach[at + 1])
            start = x = reach[at + 1] if down else reach[at - 1] + 1
            y = x - diagonal
            while x < n and y < m and a[x] == b[y]:
                x += 1
                y += 1
            reach[at] = x
            steps += x - start + 1
            if x >= n and y >= m:
                return _traced(history, n, m)
        if steps > _STEPS:
            break
    return None


def _traced(history: list[list[int]], x: int, y: int) -> list[tuple[int, int]]:
    """Return the same pairs, going back from the end through what each number of edits reached."""
    pairs: list[tuple[int, int]] = []
    for edits in range(len(history) - 1, -1, -1):
        reach, middle = history[edits], edits + 1
        diagonal = x - y
        at = middle + diagonal
        down = diagonal == -edits or (diagonal != edits and reach[at - 1] < reach[at + 1])
        start = reach[at + 1] if down else reach[at - 1] + 1
        while x > start:
            x -= 1
            y -= 1
            pairs.append((x, y))
        if down:
            y -= 1
        else:
            x -= 1
    pairs.reverse()
    return pairs
