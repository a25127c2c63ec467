"""The counts of numbers in bins, from which a report draws their distribution.

The width of the bins is a power of two, and their start is a multiple of it. So the bins of two
histograms can be merged until both have the same.
Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Dict, List, Union

Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]

MOST = 32
"""Bins, at most."""
_LEAST = 1e-290
"""A smaller range has no width that a double can be divided by without a loss."""
_EXACT = 1 << 53
"""Integers up to this are exact as doubles."""


def histogram(values: Any) -> Dict[str, Json]:
    """Return `start`, `width` and `counts` for a sorted array; nothing if all are equal.

    Numbers that are not finite are not counted.
    """
    numpy: Any = sys.modules["numpy"]
    is_float = values.dtype.kind == "f"
    if is_float:
        values = values[numpy.isfinite(values)].astype("float64")
    if not values.size or values[0] == values[-1]:
        return {}
    low, high = values[0].item(), values[-1].item()
    if is_float or high - low > _EXACT:
        return _of_doubles(values.astype("float64"))
    exponent = max(0, int(high - low).bit_length() - MOST.bit_length())
    while (high >> exponent) - (low >> exponent) >= MOST:
        exponent += 1
    start = low >> exponent << exponent
    offsets = values.astype("u8" if values.dtype.kind == "u" else "i8") - start
    return _counted(start, 1 << exponent, (offsets // (1 << exponent)))


def _of_doubles(values: Any) -> Dict[str, Json]:
    low, high = float(values[0]), float(values[-1])
    if not _LEAST <= high - low < math.inf:
        return {}
    width = math.ldexp(1.0, math.frexp((high - low) / MOST)[1] - 1)
    while high // width - low // width >= MOST:
        width *= 2
    numpy: Any = sys.modules["numpy"]
    first = low // width
    return _counted(first * width, width, numpy.floor(values / width) - first)


def _counted(start: Json, width: Json, places: Any) -> Dict[str, Json]:
    numpy: Any = sys.modules["numpy"]
    counts = numpy.bincount(places.astype("int64"))
    return {"start": start, "width": width, "counts": counts.tolist()}
