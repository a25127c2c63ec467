"""numpy arrays and pandas tables as JSON: all elements where they fit, a summary where not.

Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from _flowrepro.arrays import Column, column, dtype_text, levels, numpy_kind, pandas_kind
from _flowrepro.canonical.encoder import column_digest, digest
from _flowrepro.readable.summary import Leaf, elements, summary

Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]
Keep = Callable[[Column, Leaf], Dict[str, Json]]
"""Puts the elements elsewhere, and returns a reference to them."""
Key = Tuple[Any, ...]
"""An object's id, and the way to a part of it: parts are made anew each time."""

_COLUMN = 100  # characters that a column needs at least


class Tables:
    """The forms of the arrays and tables of one value.

    Each is digested and summarised once, however often its form is asked for to see what fits.
    """

    def __init__(self, leaf: Leaf, keep: Optional[Keep] = None) -> None:
        self._leaf = leaf
        self._keep = keep
        self._seen: dict[Key, tuple[object, Any]] = {}

    def form(self, value: Any, room: int) -> Json:
        """Return the form of an array or table in about `room` characters."""
        kind = numpy_kind(value)
        if kind == "scalar":
            numpy: Any = sys.modules["numpy"]
            array = numpy.asarray(value)
            (item,) = elements(Column("", array), self._leaf)
            dtype = dtype_text(array.dtype) if array.dtype.names else _dtype(array.dtype)
            return {"$numpy": {"dtype": dtype, "value": item}}
        key = (id(value),)
        if kind == "array":
            return {"$array": self._array(key, value, room)}
        return self._pandas(key, value, room)

    def short_digest(self, value: object) -> str:
        """Return the first 16 hexadecimal digits of the digest, enough to show a difference."""
        return str(self._once((id(value), "digest"), value, lambda: _short_digest(digest(value))))

    def knows(self, value: object, long: str) -> None:
        """Take the digest of `value`, which the caller has already."""
        self._seen[id(value), "digest"] = value, _short_digest(long)

    def _once(self, key: Key, owner: object, make: Callable[[], Any]) -> Any:
        if key not in self._seen:
            # With its owner: another object may get the id of one that is gone.
            self._seen[key] = owner, make()
        return self._seen[key][1]

    def _array(self, key: Key, array: Any, room: int) -> dict[str, Json]:
        node: dict[str, Json] = {
            "dtype": _dtype(array.dtype),
            "shape": list(array.shape),
            "digest": self._once((*key, "digest"), array, lambda: _short_digest(digest(array))),
        }
        names = array.dtype.names
        if names is None:
            return {**node, **self._elements(key, array, lambda: Column("", array), room)}
        share = room // len(names) if names else 0
        fields = {name: {"$array": self._array((*key, name), array[name], share)} for name in names}
        return {**node, "fields": fields}

    def _pandas(self, key: Key, value: Any, room: int) -> Json:
        kind = pandas_kind(value)
        if kind == "index":
            return {"$index": self._index(key, value, room)}
        if kind == "series":
            # Not under its own key: the digest of the column leaves out the index.
            node = self._column((*key, "column"), self._leaf(value.name), value, room // 2)
            node["length"] = len(value)
            node["index"] = self._index((*key, "index"), value.index, room // 2)
            return {"$series": {**node, **self._attributes(value)}}
        rows, width = value.shape
        shown = min(width, max(1, room // _COLUMN - 1))
        share = room // (shown + 1)
        columns: list[Json] = [
            self._column((*key, i), self._leaf(value.columns[i]), value.iloc[:, i], share)
            for i in range(shown)
        ]
        if shown < width:
            rest = self._once((*key, "rest", shown), value, lambda: _rest(value, shown))
            columns.append({"$cut": {"type": "columns", "length": width - shown, "digest": rest}})
        index = self._index((*key, "index"), value.index, share)
        node = {"shape": [rows, width], "index": index, "columns": columns}
        names = [self._leaf(name) for name in value.columns.names]
        if any(name is not None for name in names):
            node["labels"] = names
        if (dtypes := self._dtypes(value.columns)) != ["object"]:
            node["labels dtype"] = dtypes
        return {"$frame": {**node, **self._attributes(value)}}

    def _attributes(self, value: Any) -> dict[str, Json]:
        return {"attrs": self._leaf(value.attrs)} if value.attrs else {}

    def _index(self, key: Key, index: Any, room: int) -> Json:
        nodes: list[Json] = [
            self._column((*key, i), self._leaf(index.names[i]), level, room // index.nlevels)
            for i, level in enumerate(levels(index))
        ]
        return {"levels": nodes} if hasattr(index, "levels") else nodes[0]

    def _column(self, key: Key, name: Json, values: Any, room: int) -> dict[str, Json]:
        digest = self._once((*key, "digest"), values, lambda: _short_digest(column_digest(values)))
        node: dict[str, Json] = {"name": name, **self._dtype_of(values.dtype), "digest": digest}
        return {**node, **self._elements(key, values, lambda: column(values), room)}

    def _dtype_of(self, dtype: Any) -> dict[str, Json]:
        facts: dict[str, Json] = {"dtype": str(dtype)}
        categories = getattr(dtype, "categories", None)
        if categories is not None:
            facts["ordered"] = bool(dtype.ordered)
            facts["categories"] = len(categories)
            facts["of"] = self.short_digest(categories)
        return facts

    def _dtypes(self, index: Any) -> List[Json]:
        """Return the dtypes of column labels, which are shown as the names of columns."""
        dtypes = [self._dtype_of(level.dtype) for level in levels(index)]
        texts = [" ".join(map(str, facts_of_level.values())) for facts_of_level in dtypes]
        return ["levels", *texts] if hasattr(index, "levels") else [*texts]

    def _elements(
        self, key: Key, owner: Any, read_column: Callable[[], Column], room: int
    ) -> dict[str, Json]:
        if self._keep is not None:
            return self._kept(read_column())
        if owner.size * 3 + _COLUMN <= room:  # a digit, a comma and a space each
            whole, size = self._once(
                (*key, "values"), owner, lambda: _measured(elements(read_column(), self._leaf))
            )
            if size + _COLUMN <= room:
                return {"values": whole}
        made = self._once((*key, "summary"), owner, lambda: summary(read_column(), self._leaf))
        return _fitting(made, room - _COLUMN)

    def _kept(self, column_data: Column) -> dict[str, Json]:
        assert self._keep is not None
        node = self._keep(column_data, self._leaf)
        if column_data.categories is None or "values" in node:
            return node
        categories = self._column((id(column_data.categories),), None, column_data.categories, 0)
        return {"categories": {"codes": node["data"], "categories": categories}}


def _rest(frame: Any, shown: int) -> str:
    return _short_digest(digest(frame.iloc[:, shown:]))


def _measured(form: Json) -> Tuple[Json, int]:
    return form, len(json.dumps(form, ensure_ascii=False))


def _fitting(facts: dict[str, Json], room: int) -> dict[str, Json]:
    """Return as much of a summary as fits, without its last entries."""
    facts = dict(facts)
    while facts and _measured(facts)[1] > room:
        facts.popitem()
    return facts


def _dtype(dtype: Any) -> str:
    if dtype.names:
        return "structured"
    # numpy's own new types, such as StringDType, have no byte order.
    return str(dtype if dtype.kind == "T" else dtype.newbyteorder("="))


def _short_digest(long: str) -> str:
    return long[len("sha256:") :][:16]
