"""The canonical form of a value, version 1, and its digest (docs/reference/values.md).

Equal values have equal digests in every process, under every hash seed and Python version; any
change of a value changes its digest. The tags and lengths in a form say where it ends, so no two
values share one. Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import collections
import hashlib
import itertools
import struct
import sys
from typing import Any, Callable, Iterable, Optional, TypeVar, Union

from _flowrepro.arrays import (
    chunks,
    column,
    dtype_text,
    has_objects,
    levels,
    numpy_kind,
    pandas_kind,
)
from _flowrepro.canonical.graph import Shape, graph_form
from _flowrepro.canonical.recursion import with_deep_stack
from _flowrepro.kinds import MAPPINGS, Parts, Unordered, text
from _flowrepro.normalize import normal
from _flowrepro.reduce.reduction import parts

T = TypeVar("T")

HEADER = b"flowrepro value 1\n"
MAX_DEPTH = 5_000
"""Levels of nesting; a fixed number, so that no interpreter's recursion limit decides."""

_SHALLOW = 100
"""Levels that any interpreter has room for; deeper values are walked in a separate thread."""

_UNFOLDED = 2_000
"""Maximum of items inside one item of a set, counted once per path, and once more per 4 KB."""

_OFTEN = 6
"""References to a container, four or five of them our own. The short form of a container with more
references is kept, which only saves time."""

_SHORT = 10_000
"""Bytes."""

_references = getattr(sys, "getrefcount", lambda _: 0)  # not on PyPy

_NAN = struct.pack(">d", float("nan"))


class TooDeepError(ValueError):
    """A value is nested deeper than `MAX_DEPTH`."""


class TooManyPathsError(ValueError):
    """Items of sets lead to each other by more than `_UNFOLDED` paths."""


def digest(value: object) -> str:
    """Return `sha256:...` of the canonical form.

    Raises `TooDeepError`, `UnwalkableError`, `GraphLimitError`, and whatever the reduction of an
    object raises.
    """
    try:
        return _hashed(lambda encoder: encoder.encode(value))
    except TooManyPathsError:
        return "sha256:" + hashlib.sha256(HEADER + b"G" + graph_form(value, shape)).hexdigest()


def column_digest(values: object) -> str:
    """Return `sha256:...` of a pandas column or index level without its name and index."""
    return _hashed(lambda encoder: encoder.encode_column(values))


def _hashed(encode: Callable[[Encoder], None]) -> str:
    def hashed(depth: int) -> str:
        sha = hashlib.sha256(HEADER)
        encode(Encoder(sha.update, depth))
        return "sha256:" + sha.hexdigest()

    return at_any_depth(hashed)


def at_any_depth(encode: Callable[[int], T]) -> T:
    """Return `encode(depth)` with as many levels of nesting as it needs, up to `MAX_DEPTH`.

    Raises `TooDeepError` beyond that.
    """
    try:
        return encode(_SHALLOW)
    except (TooDeepError, RecursionError):
        result: T = with_deep_stack(encode, MAX_DEPTH)
        return result


def encoded(value: object) -> bytes:
    """Return the canonical form itself, which is a total order over values of any types.

    Raises as `digest` does, `TooDeepError` beyond a hundred levels, and `TooManyPathsError` for a
    form that only a graph has.
    """
    out = bytearray()
    Encoder(out.extend, _SHALLOW).encode(value)
    return bytes(out)


class _Kept:
    """A `write` that passes data on, and keeps what was written as long as it is short."""

    def __init__(self, write: Callable[[Any], object]) -> None:
        self._write = write
        self.form: Optional[bytearray] = bytearray()

    def __call__(self, data: Any) -> None:
        self._write(data)
        if self.form is not None:
            if len(self.form) + len(data) > _SHORT:
                self.form = None
            else:
                self.form.extend(data)


class Encoder:
    """A writer of canonical forms, one after the other."""

    def __init__(self, write: Callable[[Any], object], depth: int) -> None:
        self._write = write
        self._depth = depth
        self._scalars = SCALARS
        self.shares = False
        """True once an object was met a second time."""
        self._path: dict[int, int] = {}
        self._seen: dict[int, tuple[int, object]] = {}
        """Id of a written object -> its number, and the object, to keep that id."""
        self._marks = 0
        """The number of numbered objects, and of references to a container around them."""
        self._forms: dict[int, tuple[object, bytes]] = {}
        """Id of an often used container -> the container, to keep that id, and its form."""
        self._inside = 0
        """The number of sets, and keys of dicts, around the value that is being written."""
        self._unfolded = 0

    def encode(self, value: Any) -> None:
        scalar = self._scalars.get(type(value))
        if scalar is not None:
            self._write(scalar(value))
            return
        kind_and_text = None if type(value) in _CONTAINERS else text(value)
        if kind_and_text is not None:
            self._write_text(*kind_and_text)
            return
        level = self._path.get(id(value))
        if level is not None:
            self._marks += 1
            self._write(b"^" + _number(len(self._path) - level))
            return
        seen = self._seen.get(id(value))
        if seen is not None:
            self.shares = True
            self._write(b"r" + _number(seen[0]))
            return
        if len(self._path) >= self._depth:
            if self._inside and self._depth == MAX_DEPTH:
                raise TooManyPathsError("a set is nested deeper than %d levels" % self._depth)
            raise TooDeepError("nested deeper than %d levels" % self._depth)
        often = not self._inside and type(value) in _CONTAINERS and _references(value) > _OFTEN
        form = self._forms.get(id(value)) if often else None
        if form is not None:
            self._write(form[1])
            return
        self._path[id(value)] = len(self._path)
        try:
            if often:
                self._kept(value)
            else:
                self._composite(value)
        finally:
            del self._path[id(value)]

    def _kept(self, value: Any) -> None:
        """Write a container; keep its form, unless that depends on where the container is."""
        write, marks = self._write, self._marks
        writer = _Kept(write)
        self._write = writer
        try:
            self._composite(value)
        finally:
            self._write = write
        if marks == self._marks and writer.form is not None:
            self._forms[id(value)] = value, bytes(writer.form)

    def _write_text(self, kind: str, exact: str) -> None:
        self._write(b"x" + _sized(kind) + _sized(exact))

    def _composite(self, value: Any) -> None:
        cls = type(value)
        if cls in _SEQUENCES:
            self._items(_SEQUENCES[cls], len(value), value)
        elif cls in _SETS:
            self._write(_SETS[cls] + _number(len(value)))
            # Not by `map`: Python 3.12 allows few calls of its own from within calls of C.
            for item in sorted([self._bytes(item) for item in value]):
                self._write(item)
        elif cls in MAPPINGS:
            self._write(b"d" + _sized(MAPPINGS[cls]))
            self._pairs(value.items())
        elif cls is collections.OrderedDict:
            self._items(b"o", len(value), value.items())
        else:
            self._other(value)

    def _other(self, value: Any) -> None:
        kind = numpy_kind(value) or pandas_kind(value)
        if kind == "array":
            self._array(b"a", value)
        elif kind == "scalar":
            self._array(b"g", value)
        elif kind:
            self._pandas(kind, value)
        else:
            self._parts(value, parts(value))

    def _parts(self, value: Any, named: Parts) -> None:
        if named.shared:
            self._seen[id(value)] = (len(self._seen), value)
            self._marks += 1
        self._write(b"p" + _sized(named.kind) + _sized(named.type))
        self._write(b"l" + _number(len(named.fields)))
        for name, item in named.fields:  # as tuples, without a level of nesting for them
            self._write(b"t2;" + self._bytes(name))
            self.encode(item)

    def _items(self, tag: bytes, length: int, items: Iterable[Any]) -> None:
        write, scalar_of = self._write, self._scalars.get
        write(tag + _number(length))
        for item in items:
            scalar = scalar_of(type(item))
            if scalar is None:
                self.encode(item)
            else:
                write(scalar(item))

    def _pairs(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        entries = [(self._bytes(key), item) for key, item in pairs]
        entries.sort(key=_encoded_key)
        if len({key for key, _ in entries}) < len(entries):
            # Two NaN may be keys of one dict; only their values can put them in order.
            ordered = [(key, self._bytes(item), item) for key, item in entries]
            ordered.sort(key=lambda entry: entry[:2])
            entries = [(key, item) for key, _, item in ordered]
        self._write(_number(len(entries)))
        for key, item in entries:
            self._write(key)
            self.encode(item)

    def _bytes(self, value: Any) -> bytes:
        scalar = SCALARS.get(type(value))
        if scalar is not None:
            return scalar(value)
        out = bytearray()
        write, self._write = self._write, out.extend
        # The order of the items is not known yet: an object is numbered within its own item.
        seen, self._seen = self._seen, {}
        self._unfolded = self._unfolded if self._inside else 0
        self._inside += 1
        try:
            self.encode(value)
        finally:
            self._inside -= 1
            self._write, self._seen = write, seen
        self._unfolded += 1 + len(out) // 4096
        if self._inside and self._unfolded > _UNFOLDED:
            raise TooManyPathsError("items of sets refer to each other in too many ways")
        return bytes(out)

    def _array(self, tag: bytes, array: Any) -> None:
        name = _sized(dtype_text(array.dtype))
        self._write(tag + name + b"".join(map(_number, (array.ndim, *array.shape))))
        self._elements(array)

    def _elements(self, array: Any) -> None:
        if array.dtype.names is not None:
            for name in array.dtype.names:  # padding between fields is anything
                self._elements(array[name])
        elif has_objects(array.dtype):
            for item in array.flat:
                self.encode(item)
        else:
            self._numbers(array)

    def _numbers(self, array: Any) -> None:
        for chunk in chunks(array):
            self._write(chunk)

    def _pandas(self, kind: str, value: Any) -> None:
        self._write(b"P" + _sized(kind))
        if kind == "index":
            self._index(value)
            return
        self._index(value.index)
        if kind == "series":
            self.encode(value.name)
            self.encode_column(value)
        else:
            self._index(value.columns)
            for position in range(value.shape[1]):
                self.encode_column(value.iloc[:, position])
        self.encode(value.attrs)

    def _index(self, index: Any) -> None:
        self._write(b"M" if hasattr(index, "levels") else b"I")
        self._items(b"l", index.nlevels, index.names)
        for level in levels(index):
            self.encode_column(level)

    def encode_column(self, values: Any) -> None:
        """Write a Series, or an Index that is not a MultiIndex, without its name and index."""
        column_data = column(values)
        self._write(_sized(column_data.dtype))
        self._array(b"a", column_data.data)
        if column_data.missing is not None:
            self._array(b"m", column_data.missing)
        if column_data.categories is not None:
            self._categories(column_data.categories)

    def _categories(self, categories: Any) -> None:
        self._index(categories)


def shape(value: Any) -> Union[bytes, Shape]:
    """Return a value as a node of a graph: its form without its items; 32 bytes without one."""
    cls = type(value)
    if cls in _CONTAINERS:
        return _container_shape(value)
    if numpy_kind(value) and (has_objects(value.dtype) or value.dtype.names is not None):
        return _array_shape(value)
    if cls in SCALARS or text(value) is not None or numpy_kind(value) or pandas_kind(value):
        sha = hashlib.sha256()
        Encoder(sha.update, _SHALLOW).encode(value)
        return sha.digest()
    named = parts(value)
    label = b"p" + _sized(named.kind) + _sized(named.type) + _number(len(named.fields))
    return Shape(label, itertools.chain.from_iterable(named.fields), is_ordered=True)


def _container_shape(value: Any) -> Shape:
    cls = type(value)
    if cls in _SETS:
        return Shape(_SETS[cls], value, is_ordered=False)
    if cls in MAPPINGS:
        return Shape(b"d" + _sized(MAPPINGS[cls]), value.items(), is_ordered=False)
    tag = _SEQUENCES.get(cls, b"o") + _number(len(value))
    return Shape(tag, value.items() if cls is collections.OrderedDict else value, is_ordered=True)


def _array_shape(array: Any) -> Shape:
    label = b"a" + _sized(dtype_text(array.dtype)) + b"".join(map(_number, array.shape))
    names = array.dtype.names
    items = array.flat if names is None else (array[name] for name in names)
    return Shape(label, items, is_ordered=True)


def _encoded_key(entry: tuple[bytes, Any]) -> bytes:
    return entry[0]


def _number(number: int) -> bytes:
    return b"%d;" % number


def _sized(string: str) -> bytes:
    data = string.encode("utf-8", "surrogatepass")
    return b"%d;" % len(data) + data


def _int(value: int) -> bytes:
    digits = b"%x" % value  # no limit on the number of digits, unlike str()
    return b"i%d;%b" % (len(digits), digits)


def _double(value: float) -> bytes:
    return struct.pack(">d", value) if value == value else _NAN  # noqa: PLR0124  NaN


SCALARS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: _int,
    float: lambda value: b"f" + _double(value),
    complex: lambda value: b"c" + _double(value.real) + _double(value.imag),
    str: lambda value: b"s" + _sized(normal(value)),
    bytes: lambda value: b"b" + _number(len(value)) + value,
    bytearray: lambda value: b"B" + _number(len(value)) + bytes(value),
}
_SEQUENCES: dict[type, bytes] = {list: b"l", tuple: b"t"}
_SETS: dict[type, bytes] = {set: b"S", frozenset: b"Z", Unordered: b"S"}
_CONTAINERS = frozenset([*_SEQUENCES, *_SETS, *MAPPINGS, collections.OrderedDict])
