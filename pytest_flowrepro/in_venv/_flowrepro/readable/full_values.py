"""A full value in a file, for a comparison element by element (docs/reference/values.md).

A zip file that numpy reads as an `.npz`: `value.json` is the readable form with nothing cut, in
which `"data": "0"` refers to the member `0.npy` or `0.json`. The same value gives the same bytes.
Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional, Union

from _flowrepro.canonical.encoder import digest
from _flowrepro.readable.form import whole
from _flowrepro.readable.summary import elements, pieces

if TYPE_CHECKING:
    from _flowrepro.arrays import Column
    from _flowrepro.readable.summary import Leaf

Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]

_INLINE = 1_000  # elements: fewer are in value.json itself
_ITEMS = 10_000  # of a list that are written at a time
_SAMPLE = 1 << 16  # bytes of a member that decide whether it is deflated
_NUMBERS = {float: ("<f8", "<%dd"), int: ("<i8", "<%dq")}


class TooLargeError(ValueError):
    """The value has more bytes than a file may hold."""


class UnwritableError(Exception):
    """The file cannot be written; the message is the system's."""


def is_whole(form: Json) -> bool:
    """Return whether a readable form holds its full value, without a cut or a summary."""
    if isinstance(form, list):
        return all(map(is_whole, form))
    if not isinstance(form, dict):
        return True
    if "$cut" in form or "$opaque" in form:
        return False
    if "dtype" in form and "digest" in form and "values" not in form and "fields" not in form:
        return False
    return all(map(is_whole, form.values()))


def store(value: object, file: str, limit: int) -> bool:
    """Write the file of a full value, or nothing; return False for a value that cannot have one.

    Such a value has more than `limit` bytes, uncompressed, is nested too deep, or its own code
    raises. Raises `UnwritableError` if the disk fails.
    """
    if os.path.exists(file):
        return True
    part = file + ".part"
    try:
        # Of numbers, the higher levels take up to ten times as long for a few per cent.
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            writer = _Writer(archive, limit)
            form = whole(value, writer.elements, writer.numbers)
            writer.member("value.json", [_json(form)])
        os.replace(part, file)
    except OSError as error:
        raise UnwritableError(error.strerror) from error
    except Exception:  # noqa: BLE001  whatever the value's own code raises
        return False
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)
    return True


class _Writer:
    def __init__(self, archive: zipfile.ZipFile, limit: int) -> None:
        self._archive = archive
        self._left = limit
        self._members = 0

    def elements(self, column: Column, leaf: Leaf) -> Dict[str, Json]:
        """Return a column's elements where they are few, else a reference to a member with them."""
        data = column.data
        if data.size < _INLINE:
            return {"values": elements(column, leaf)}
        if column.categories is not None or _is_plain(data.dtype):
            node: Dict[str, Json] = {"data": self._array(data)}
            if column.missing is not None:
                node["missing"] = self._array(column.missing)
            return node
        starts = range(0, data.size, _ITEMS)
        lists = (elements(column, leaf, slice(start, start + _ITEMS)) for start in starts)
        return {"data": self._next(".json", _json_list(lists))}

    def numbers(self, value: Any) -> Optional[Json]:
        """Return the form of a list or tuple of many numbers of one type; None for others."""
        if type(value) not in (list, tuple) or len(value) < _INLINE:
            return None
        of: Any = type(value[0])
        if of not in _NUMBERS or any(type(item) is not of for item in value):
            return None
        if of is int and not -(1 << 63) <= min(value) <= max(value) < 1 << 63:
            return None
        descr, form = _NUMBERS[of]
        self._spend(8 * len(value))
        starts = range(0, len(value), _ITEMS)
        packed = (value[start : start + _ITEMS] for start in starts)
        data = (struct.pack(form % len(items), *items) for items in packed)
        node = {
            "type": type(value).__name__,
            "of": of.__name__,
            "length": len(value),
            "digest": digest(value)[len("sha256:") :][:16],
            "data": self._next(".npy", _npy(descr, (len(value),), data)),
        }
        return {"$numbers": node}

    def _array(self, array: Any) -> str:
        self._spend(array.nbytes)
        if array.dtype.kind in "mM":
            array = array.view(array.dtype.str[0] + "i8")
        descr = array.dtype.newbyteorder("<").str
        data = (piece.tobytes() for piece in pieces(array))
        return self._next(".npy", _npy(descr, array.shape, data))

    def _next(self, suffix: str, data: Iterable[bytes]) -> str:
        name = str(self._members)
        self._members += 1
        self.member(name + suffix, data, spend=suffix == ".json")
        return name

    def member(self, name: str, data: Iterable[bytes], *, spend: bool = True) -> None:
        data = iter(data)
        start = [b"", *itertools.islice(data, 2)]
        shrinks = _shrinks(start[-1][:_SAMPLE])
        self._archive.compression = zipfile.ZIP_DEFLATED if shrinks else zipfile.ZIP_STORED
        with self._archive.open(name, "w") as member:  # dated 1980, whatever the clock says
            for piece in itertools.chain(start, data):
                if spend:
                    self._spend(len(piece))
                member.write(piece)

    def _spend(self, size: int) -> None:
        """Count bytes before they are written; raise `TooLargeError` beyond the limit."""
        self._left -= size
        if self._left < 0:
            raise TooLargeError


def _shrinks(data: bytes) -> bool:
    """Return whether compression is worth its time; for noise, such as most floats, it is not."""
    return len(zlib.compress(data, 1)) < 0.8 * len(data)


def _is_plain(dtype: Any) -> bool:
    """Return whether elements have the same bytes on every processor; a long double has not."""
    sizes = {"f": 8, "c": 16}
    return dtype.kind in "biufcmM" and dtype.itemsize <= sizes.get(dtype.kind, 8)


def _npy(descr: str, shape: Any, data: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a file in numpy's format, version 1.0 (numpy/lib/format.py), without numpy."""
    header = "{'descr': %r, 'fortran_order': False, 'shape': %r, }" % (descr, tuple(shape))
    padded = header + " " * (-(10 + len(header) + 1) % 64) + "\n"
    yield b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode("ascii")
    yield from data


def _json_list(lists: Iterable[List[Json]]) -> Iterator[bytes]:
    before = b"["
    for items in lists:
        yield before + _json(items)[1:-1]
        before = b","
    yield b"]"


def _json(form: Json) -> bytes:
    return json.dumps(form, allow_nan=False).encode("ascii")
