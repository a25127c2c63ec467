"""Summaries of arrays and columns, made in one pass that copies no more than a chunk.

Runs in the flow's own interpreter: standard library only, Python 3.8 syntax. Computed
figures are rounded to six digits, because the last ones depend on the processor and on numpy.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Callable, Dict, Iterator, List, Tuple, Union

from _flowrepro.arrays import Column
from _flowrepro.readable.histogram import histogram

Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]
Leaf = Callable[[Any], Json]
"""The readable form of one element."""

ENDS = 3
"""Elements shown of either end."""
_SAMPLE = 100_000
"""Elements that quantiles are taken of, at most: every k-th, in C order."""
_LEAST = 11
"""The smallest k above 1: a smaller one could leave out whole columns of a narrow array."""
_QUANTILES = (0.25, 0.5, 0.75)
_CHUNK = 1 << 16  # elements
_NOT_A_TIME = -(1 << 63)


def summary(column: Column, leaf: Leaf) -> dict[str, Json]:
    """Return the figures, most useful first: `missing`, `nan`, range, `mean`, `quantiles`, ends.

    The last is a `histogram` of numbers.
    """
    facts: dict[str, Json] = {}
    if column.missing is not None:
        facts["missing"] = int(column.missing.sum())
    if column.data.dtype.kind in "biufmM" and column.categories is None:
        facts.update(_spread(column, leaf))
    shape = facts.pop("histogram", None)
    first, last = slice(0, ENDS), slice(max(ENDS, column.data.size - ENDS), None)
    facts["first"] = elements(column, leaf, first)
    facts["last"] = elements(column, leaf, last)
    if shape:
        facts["histogram"] = shape
    return facts


def elements(column: Column, leaf: Leaf, where: slice = slice(None)) -> list[Json]:
    """Return the readable forms of some elements, counted in C order; None for missing ones."""
    flat = column.data.flat[where]
    if column.categories is not None:
        return [None if code < 0 else leaf(column.categories[int(code)]) for code in flat]
    kind, size = flat.dtype.kind, flat.dtype.itemsize
    if kind in "mM":
        numpy: Any = sys.modules["numpy"]
        texts = numpy.datetime_as_string(flat) if kind == "M" else flat.astype(str)
        return [str(element) for element in texts]
    if size > {"f": 8, "c": 16}.get(kind, size):
        return [str(element) for element in flat]
    items = [leaf(element) for element in flat.tolist()]
    if column.missing is None:
        return items
    missing = column.missing[where]
    return [None if missing[i] else item for i, item in enumerate(items)]


def pieces(array: Any) -> Iterator[Any]:
    """Yield the elements in C order, little endian, as flat arrays; each overwrites the last."""
    numpy: Any = sys.modules["numpy"]
    if array.size == 0:
        return
    yield from numpy.nditer(
        array,
        flags=["external_loop", "buffered"],
        op_flags=[["readonly", "contig"]],
        op_dtypes=[array.dtype.newbyteorder("<")],
        order="C",
        casting="equiv",
        buffersize=_CHUNK,
    )


def _spread(column: Column, leaf: Leaf) -> dict[str, Json]:
    numpy: Any = sys.modules["numpy"]
    kind = column.data.dtype.kind
    step = _stride(column.data.size)
    unknown, at = 0, 0
    lows, highs, sums, count = [], [], [], 0
    sample = []
    with numpy.errstate(all="ignore"):
        for piece in pieces(column.data):
            numbers, keep = _numbers(piece, column.missing, at)
            picked = slice(-at % step, None, step)
            at += piece.size
            part = numbers
            if keep is not None:
                part, absent = numbers[keep], ~keep
                sample.append(numbers[picked][keep[picked]])
                if column.missing is not None:
                    absent &= ~column.missing[at - piece.size : at]
                unknown += int(absent.sum())
            else:
                sample.append(numbers[picked].copy())
            if part.size:
                lows.append(part.min())
                highs.append(part.max())
                sums.append(float(part.sum(dtype="float64")))
                count += part.size
    facts: dict[str, Json] = {}
    if kind == "f" or (kind in "mM" and unknown):
        facts["nan" if kind == "f" else "missing"] = unknown
    if count:
        values = _sorted(sample)
        low, high, *quantiles = _shown_numbers(
            [min(lows), max(highs), *_quantiles(values)], column, leaf
        )
        facts.update(min=low, max=high)
        if kind not in "mM":
            facts["mean"] = leaf(_rounded(_total(sums) / count))
            facts["histogram"] = histogram(values)
        facts["quantiles"] = quantiles
    return facts


def _stride(size: int) -> int:
    """Return 1 or a prime: a divisor of a table's width would only sample some of its columns."""
    if size <= _SAMPLE:
        return 1
    step = max(_LEAST, -(-size // _SAMPLE))
    while any(step % divisor == 0 for divisor in range(2, int(step**0.5) + 1)):
        step += 1
    return step


def _numbers(piece: Any, missing: Any, at: int) -> Tuple[Any, Any]:
    """Return a piece as numbers, and a mask of those that count; None where all do."""
    keep = None if missing is None else ~missing[at : at + piece.size]
    good = None
    if piece.dtype.kind in "mM":
        piece = piece.view("<i8")
        if piece.min() == _NOT_A_TIME:
            good = piece != _NOT_A_TIME
    elif piece.dtype.kind == "f":
        low = piece.min()
        if low != low:  # noqa: PLR0124  NaN, which a minimum takes over
            good = piece == piece  # noqa: PLR0124
    if good is None or keep is None:
        return piece, good if keep is None else keep
    return piece, keep & good


def _sorted(sample: list[Any]) -> Any:
    numpy: Any = sys.modules["numpy"]
    return numpy.sort(numpy.concatenate(sample))


def _quantiles(values: Any) -> list[Any]:
    """Return quantiles that are elements, never between two of them."""
    return [values[int(part * (values.size - 1))] for part in _QUANTILES] if values.size else []


def _shown_numbers(numbers: list[Any], column: Column, leaf: Leaf) -> list[Json]:
    """Return minimum and maximum exactly, and the other numbers rounded."""
    numpy: Any = sys.modules["numpy"]
    dtype = column.data.dtype
    if dtype.kind in "mM":
        times = numpy.array(numbers, dtype="i8").view(dtype.newbyteorder("="))
        return elements(Column("", times), leaf)
    items = [number.item() for number in numbers]
    if dtype.kind == "f":
        items[2:] = [_rounded(float(item)) for item in items[2:]]
    return [leaf(item) for item in items]


def _total(sums: list[float]) -> float:
    try:
        return math.fsum(sums)
    except (OverflowError, ValueError):  # beyond a float; infinities of both signs
        return sum(sums)


def _rounded(number: float) -> float:
    return float("%.6g" % number) if math.isfinite(number) else number
