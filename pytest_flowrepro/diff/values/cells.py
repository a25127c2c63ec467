"""The elements of an array or a column of a table, in a readable form or in a file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from pytest_flowrepro.diff.values.document import Document
    from pytest_flowrepro.support.strict_json import Json

Chunk: TypeAlias = "tuple[np.ndarray, np.ndarray | None]"
"""Elements, and which of them are missing."""

_TIME = re.compile(r"(datetime64|timedelta64)\[(\w+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cells:
    """Elements that each call reads again, so that only one chunk is in memory."""

    dtype: str
    leaves: Callable[[], Iterator[Json]]
    """The readable forms, one by one; None where missing."""
    chunks: Callable[[], Iterator[Chunk]] | None = None
    """The elements as flat numpy arrays; None if they are not an array of numbers."""

    def taken(self, positions: Sequence[int]) -> Cells:
        """Return the elements at these positions only; all are in memory."""
        chunks = self.chunks
        if chunks is None:
            leaves = list(self.leaves())
            return Cells(dtype=self.dtype, leaves=lambda: (leaves[i] for i in positions))
        return Cells(
            dtype=self.dtype,
            leaves=lambda: _leaves(_taken(chunks(), positions), self.dtype),
            chunks=lambda: _taken(chunks(), positions),
        )


def _taken(chunks: Iterator[Chunk], positions: Sequence[int]) -> Iterator[Chunk]:
    import numpy as np  # noqa: PLC0415  needed on drift only

    every = list(chunks)
    if every:
        data = np.concatenate([chunk for chunk, _ in every])[positions]
        masks = [mask for _, mask in every if mask is not None]
        yield data, np.concatenate(masks)[positions] if masks else None


def cells(node: dict[str, Any], document: Document, length: int | None = None) -> Cells | None:
    """Return the elements that a node describes; None if it has only a summary of them.

    Raises `BaselineError`, as they are read, for a broken file or another length.
    """
    dtype = str(node.get("dtype", ""))
    coded = node.get("categories") if isinstance(node.get("categories"), dict) else None
    if coded is not None and "codes" in coded:
        return _categorical(dtype, coded, document, length)
    if isinstance(node.get("values"), list):
        return Cells(dtype=dtype, leaves=lambda: iter(node["values"]))
    if "data" not in node:
        return None
    data, mask = node["data"], node.get("missing")
    if not document.has_numbers(data):
        return Cells(dtype=dtype, leaves=lambda: document.items(data))

    def chunks() -> Iterator[Chunk]:
        masks = document.numbers(mask, length) if isinstance(mask, str) else repeat(None)
        return zip(document.numbers(data, length), masks, strict=False)

    return Cells(dtype=dtype, leaves=lambda: _leaves(chunks(), dtype), chunks=chunks)


def _categorical(
    dtype: str, coded: dict[str, Any], document: Document, length: int | None
) -> Cells | None:
    category_cells = cells(coded["categories"], document)
    if category_cells is None:
        return None

    def leaves() -> Iterator[Json]:
        categories = list(category_cells.leaves())
        for chunk in document.numbers(coded["codes"], length):
            yield from (None if code < 0 else categories[code] for code in chunk.tolist())

    return Cells(dtype=dtype, leaves=leaves)


def _leaves(chunks: Iterator[Chunk], dtype: str) -> Iterator[Json]:
    for data, missing in chunks:
        values = data.tolist()
        if not _is_json(data, dtype):
            values = [leaf(value, dtype) for value in values]
        if missing is None:
            yield from values
        else:
            both = zip(values, missing.tolist(), strict=True)
            yield from (None if masked else value for value, masked in both)


def _is_json(data: np.ndarray, dtype: str) -> bool:
    """Return whether the elements from numpy have their JSON types."""
    import numpy as np  # noqa: PLC0415  needed on drift only

    if data.dtype.kind == "f":
        return bool(np.isfinite(data).all())
    return data.dtype.kind in "biU" and "time" not in dtype


def leaf(value: Any, dtype: str) -> Json:
    """Return the readable form of an element that numpy gave as one of Python's own types."""
    time = _TIME.match(dtype)
    if time and isinstance(value, int):
        return _time(value, time[1], time[2])
    match value:
        case int() if abs(value) >= 1 << 63:
            return {"$int": str(value)}
        case float() if not math.isfinite(value):
            return {"$float": str(value)}
        case complex():
            return {"$complex": str(value)}
        case bytes():
            return {"$bytes": repr(value)[2:-1]}
    return cast("Json", value)


def _time(value: int, kind: str, unit: str) -> str:
    import numpy as np  # noqa: PLC0415  needed on drift only

    return str(np.array([value]).view(f"{kind}[{unit}]")[0])
