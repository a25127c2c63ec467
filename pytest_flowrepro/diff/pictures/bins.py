"""The distributions of two arrays of numbers in common bins.

The bins of a recorded histogram have a power of two as width and start at a multiple of it
(docs/reference/values.md). So the finer of two is merged into the bins of the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 64
"""Bins of a picture."""
_OWN = 32
"""Bins of numbers that are known one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bins:
    first: int
    """The lower edge of the first bin, in widths."""
    exponent: int
    """The width is two to this power."""
    counts: tuple[int, ...]

    def wider(self, exponent: int) -> Bins:
        """Return the counts in bins of this greater or equal width."""
        by = exponent - self.exponent
        first = self.first >> by
        counts = [0] * (((self.first + len(self.counts) - 1) >> by) - first + 1)
        for position, number in enumerate(self.counts, self.first):
            counts[(position >> by) - first] += number
        return Bins(first=first, exponent=exponent, counts=tuple(counts))

    def between(self, first: int, last: int) -> tuple[int, ...]:
        """Return the counts from the bin `first` to the bin `last`, which contain all of these."""
        after = last - self.first - len(self.counts) + 1
        return (*[0] * (self.first - first), *self.counts, *[0] * after)


def bins_of(node: dict[str, Any]) -> Bins | None:
    """Return the distribution of an array or a column in its readable form; None without one."""
    match node:
        case {"values": list(values)}:
            return _counted(_finite(values))
        case {"histogram": {"start": start, "width": width, "counts": list(counts)}}:
            fraction, exponent = math.frexp(width)
            if fraction != 0.5 or not _are_counts(counts):
                raise ValueError("no histogram as it is recorded")
            exponent -= 1
            first = start >> exponent if isinstance(start, int) else int(start / width)
            return Bins(first=first, exponent=exponent, counts=tuple(counts))
    return None


def _are_counts(counts: list[Any]) -> bool:
    return 0 < len(counts) <= MOST and all(type(number) is int for number in counts)


def _finite(leaves: Sequence[Any]) -> list[float]:
    """Return the finite numbers among elements in their readable form."""
    numbers = [float(leaf) for leaf in leaves if isinstance(leaf, int | float)]
    return [number for number in numbers if math.isfinite(number)]


def _counted(numbers: Sequence[float]) -> Bins | None:
    if not numbers:
        return None
    low, high = min(numbers), max(numbers)
    if not 1e-290 <= high - low < math.inf:
        return None
    exponent = math.frexp((high - low) / _OWN)[1]
    width = math.ldexp(1.0, exponent)
    first = math.floor(low / width)
    counts = [0] * (math.floor(high / width) - first + 1)
    for number in numbers:
        counts[math.floor(number / width) - first] += 1
    return Bins(first=first, exponent=exponent, counts=tuple(counts))


def together(old: Bins, new: Bins) -> tuple[float, float, tuple[int, ...], tuple[int, ...]]:
    """Return the start, the width and both counts in at most `MOST` common bins."""
    exponent = max(old.exponent, new.exponent)
    while True:
        a, b = old.wider(exponent), new.wider(exponent)
        first = min(a.first, b.first)
        last = max(side.first + len(side.counts) - 1 for side in (a, b))
        if last - first < MOST:
            width = math.ldexp(1.0, exponent)
            return first * width, width, a.between(first, last), b.between(first, last)
        exponent += 1
