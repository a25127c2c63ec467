"""The alignment of two sequences: the items removed and the items added."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_EDITS = 1_500
"""Maximum number of insertions and deletions; memory grows with its square."""
_STEPS = 3_000_000
"""Maximum number of comparisons, which take about half a second."""


class Run(NamedTuple):
    """A replacement of `old[start:stop]` by `new[new_start:new_stop]`; one of them may be empty."""

    start: int
    stop: int
    new_start: int
    new_stop: int


def runs(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Run] | None:
    """Return the runs of a shortest edit script, in order; None if it exceeds the budget.

    The algorithm is that of E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986),
    applied between the common beginning and the common end.
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
    """Return the positions of the items that a shortest edit script keeps.

    None if it exceeds the budget.
    """
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
    """Return these positions, traced back from the end.

    `history` has the furthest positions that each number of edits reached.
    """
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
