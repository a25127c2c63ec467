"""numpy arrays and pandas tables as JSON: all elements where they fit, a summary where not.

Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any, Callable, Dict, List, Union

from _flowrepro_arrays import Column, column, levels, numpy_kind, pandas_kind
from _flowrepro_canonical import column_digest, digest

Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]
Leaf = Callable[[Any], Json]
"""The readable form of one element."""

_COLUMN = 100  # characters that a column needs at least
_FIRST = 3  # elements shown of those that have no minimum and maximum


def array_json(value: Any, room: int, *, leaf: Leaf) -> Json:
    """`{"$array": ...}`, or `{"$numpy": ...}` for a numpy scalar."""
    numpy: Any = sys.modules["numpy"]
    array = numpy.asarray(value)
    if numpy_kind(value) == "scalar":
        return {"$numpy": {"dtype": _dtype(array.dtype), "value": _elements(array, leaf)[0]}}
    node: dict[str, Json] = {
        "dtype": _dtype(array.dtype),
        "shape": list(array.shape),
        "digest": _short(digest(array)),
    }
    if array.dtype.names is None:
        node.update(_elements_or_summary(Column("", array), room - _COLUMN, leaf))
    else:
        share = room // len(array.dtype.names)
        fields = {n: array_json(array[n], share, leaf=leaf) for n in array.dtype.names}
        node["fields"] = fields
    return {"$array": node}


def pandas_json(value: Any, room: int, *, leaf: Leaf) -> Json:
    """`{"$frame": ...}`, `{"$series": ...}` or `{"$index": ...}`."""
    kind = pandas_kind(value)
    if kind == "index":
        return {"$index": _index(value, room, leaf)}
    if kind == "series":
        node = _column(leaf(value.name), value, room // 2, leaf)
        node["length"] = len(value)
        node["index"] = _index(value.index, room // 2, leaf)
        return {"$series": node}
    rows, width = value.shape
    shown = min(width, max(1, room // _COLUMN - 1))
    share = room // (shown + 1)
    columns: list[Json] = [
        _column(leaf(value.columns[i]), value.iloc[:, i], share, leaf) for i in range(shown)
    ]
    if shown < width:
        rest = _short(digest(value.iloc[:, shown:]))
        columns.append({"$cut": {"type": "columns", "length": width - shown, "digest": rest}})
    node = {"shape": [rows, width], "index": _index(value.index, share, leaf), "columns": columns}
    return {"$frame": node}


def _index(index: Any, room: int, leaf: Leaf) -> Json:
    nodes = [
        _column(leaf(index.names[i]), level, room // index.nlevels, leaf)
        for i, level in enumerate(levels(index))
    ]
    return {"levels": nodes} if hasattr(index, "levels") else nodes[0]


def _column(name: Json, values: Any, room: int, leaf: Leaf) -> dict[str, Json]:
    known = column(values)
    node: dict[str, Json] = {
        "name": name,
        "dtype": str(values.dtype),
        "digest": _short(column_digest(values)),
    }
    if known.categories is not None:
        node["categories"] = len(known.categories)
    node.update(_elements_or_summary(known, room - _COLUMN, leaf))
    return node


def _elements_or_summary(known: Column, room: int, leaf: Leaf) -> dict[str, Json]:
    if known.data.size * 3 <= room:  # a digit, a comma and a space each
        values = _elements(known.data, leaf, known)
        if len(json.dumps(values, ensure_ascii=False)) <= room:
            return {"values": values}
    summary = _summary(known, leaf)
    return summary if len(json.dumps(summary, ensure_ascii=False)) <= max(room, 0) else {}


def _elements(array: Any, leaf: Leaf, known: Column | None = None) -> list[Json]:
    """The elements in C order."""
    if known is not None and known.categories is not None:
        return [None if code < 0 else leaf(known.categories[int(code)]) for code in array]
    flat = array.reshape(-1)
    if array.dtype.kind in "mM":
        numpy: Any = sys.modules["numpy"]
        texts = numpy.datetime_as_string(flat) if array.dtype.kind == "M" else flat.astype(str)
        return [str(element) for element in texts]
    if array.dtype.kind in "fc" and array.dtype.itemsize > (8 if array.dtype.kind == "f" else 16):
        return [str(element) for element in flat]
    elements = [leaf(element) for element in flat.tolist()]
    if known is None or known.missing is None:
        return elements
    return [None if known.missing[i] else item for i, item in enumerate(elements)]


def _summary(known: Column, leaf: Leaf) -> dict[str, Json]:
    data = known.data.reshape(-1)
    summary: dict[str, Json] = {}
    if known.missing is not None:
        summary["missing"] = int(known.missing.sum())
        data = data[~known.missing]
    if data.dtype.kind not in "biuf" or known.categories is not None:
        return {**summary, "first": _elements(known.data.reshape(-1)[:_FIRST], leaf, known)}
    if data.dtype.kind == "f":
        nan = data != data  # noqa: PLR0124  NaN
        summary["nan"] = int(nan.sum())
        data = data[~nan]
    if data.size:
        summary.update(min=leaf(data.min().item()), max=leaf(data.max().item()))
        summary["mean"] = leaf(_rounded_mean(data))
    return summary


def _rounded_mean(data: Any) -> float:
    """Six digits: the order of summation, and so the last digits, depend on the processor."""
    numpy: Any = sys.modules["numpy"]
    with numpy.errstate(all="ignore"):
        mean = float(data.mean(dtype="float64"))
    return float("%.6g" % mean) if math.isfinite(mean) else mean


def _dtype(dtype: Any) -> str:
    return "structured" if dtype.names else str(dtype.newbyteorder("="))


def _short(long: str) -> str:
    return long[len("sha256:") :][:16]
