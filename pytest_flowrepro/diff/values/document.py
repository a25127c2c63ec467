"""A recorded value in the form that is compared: its readable form, or the file of its full value.

The file (docs/reference/values.md) comes with a pull request: nothing in it is unpickled or
extracted, sizes are checked before anything is read, and arrays are read in chunks.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.strict_json import StrictJsonError, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.support.strict_json import Json

CHUNK = 1 << 20
"""Elements of an array that are in memory at a time."""

STRUCTURE = 16 << 20
"""Bytes of `value.json` that are read; Python needs about ten times as much for them."""

_ITEM = 4 << 20  # characters of one element of a list
_SIZES = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}  # bytes of an element, by kind of dtype
_VALUE = "value.json"
_TEXT = 1 << 16  # characters of JSON that are parsed at a time
_COMMAS = 10  # commas at which a chunk may end


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A value in its readable form, and the members of the file that it refers to."""

    value: Json
    file: Path | None = None

    def numbers(self, member: object, length: int | None = None) -> Iterator[np.ndarray]:
        """Yield the elements of an array, flat, in chunks of `CHUNK`.

        Raises `BaselineError` if there are not `length` of them, or the file is broken.
        """
        with self._member(f"{member}.npy") as (stream, size):
            dtype, count = _header(stream, size)
            if length is not None and count != length:
                raise ValueError(f"{count:,} elements instead of {length:,}")
            yield from _chunks(stream, dtype, count)

    def items(self, member: object) -> Iterator[Json]:
        """Iterate over the elements of a list. Raises `BaselineError` for a broken file."""
        return chain.from_iterable(self._lists(member))

    def _lists(self, member: object) -> Iterator[list[Json]]:
        with self._member(f"{member}.json") as (stream, _):
            yield from _lists(io.TextIOWrapper(stream, encoding="utf-8"))

    def has_numbers(self, member: object) -> bool:
        """Return whether the elements are stored as an array, and not as a list."""
        if self.file is None:
            return False
        with _broken_is_an_error(self.file, _VALUE), zipfile.ZipFile(self.file) as archive:
            return f"{member}.npy" in archive.namelist()

    @contextmanager
    def _member(self, name: str) -> Iterator[tuple[IO[bytes], int]]:
        if self.file is None:
            raise TypeError("a readable form refers to no file")
        with (
            _broken_is_an_error(self.file, name),
            zipfile.ZipFile(self.file) as archive,
            _opened(archive, name) as stream,
        ):
            yield stream, archive.getinfo(name).file_size


def document(artifact: Artifact) -> Document:
    """Return the full value if it is stored, else the readable form in the baseline.

    It is also the latter if the structure alone is too large for a walk (`STRUCTURE`). Raises
    `BaselineError` for a file that is broken.
    """
    file = artifact.stored
    if file is None:
        return Document(value=artifact.value)
    with _broken_is_an_error(file, _VALUE), zipfile.ZipFile(file) as archive:
        if _VALUE in archive.namelist() and archive.getinfo(_VALUE).file_size > STRUCTURE:
            return Document(value=artifact.value)
        with _opened(archive, _VALUE) as stream:
            return Document(value=parse_json(stream.read().decode("utf-8")), file=file)


def documents(old: Artifact, new: Artifact) -> tuple[Document, Document]:
    """Return both sides in forms that can be compared: two summaries rather than one and a file."""
    lone = next((side for side in (old, new) if side.stored is None), None)
    if lone is not None and not is_whole(lone.value):
        return Document(value=old.value), Document(value=new.value)
    return document(old), document(new)


def is_whole(value: Json) -> bool:
    """Return whether a readable form is the full value: nothing is shortened or summarised."""
    pending: list[Any] = [value]
    while pending:
        match pending.pop():
            case {"$cut": _} | {"$opaque": _}:
                return False
            case {"dtype": _, "digest": _} as node if not node.keys() & {"values", "fields"}:
                return False
            case dict(node):
                pending += node.values()
            case list(items):
                pending += items
    return True


@contextmanager
def _broken_is_an_error(file: Path, member: str) -> Iterator[None]:
    try:
        yield
    except (
        *(OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError),
        *(KeyError, ValueError, StrictJsonError, SyntaxError, TypeError, RecursionError),
    ) as error:
        raise BaselineError(
            f"{file}: {member} cannot be read",
            hint="restore the file with git, or record the flow again",
            detail=f"{type(error).__name__}: {error}"[:500],
        ) from error


@contextmanager
def _opened(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Open a member, reading no more of it than its entry says."""
    info = archive.getinfo(name)
    # A small file of bzip2 or LZMA expands without bounds; zlib expands at most 1,000 to 1.
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError(f"compressed by method {info.compress_type}")
    with archive.open(info) as stream:
        yield stream


def _header(stream: IO[bytes], size: int) -> tuple[np.dtype[Any], int]:
    """Return dtype and number of elements of a `.npy` file whose header agrees with its size."""
    from numpy.lib import format as npy  # noqa: PLC0415  needed on drift only

    version = npy.read_magic(stream)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"format {version}")
    shape, fortran, dtype = read(stream)
    if dtype.itemsize > _SIZES.get(dtype.kind, -1):
        raise ValueError(f"elements of dtype {dtype}")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or stream.tell() + count * dtype.itemsize != size:
        raise ValueError(f"shape {shape} does not agree with the size of the member")
    if fortran and len(shape) > 1:
        raise ValueError("the elements are not in C order")
    return dtype, count


def _chunks(stream: IO[bytes], dtype: np.dtype[Any], count: int) -> Iterator[np.ndarray]:
    import numpy as np  # noqa: PLC0415  needed on drift only

    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start) * dtype.itemsize
        data = stream.read(size)
        if len(data) < size:
            raise EOFError("it ends too early")
        yield np.frombuffer(data, dtype)


def _lists(text: io.TextIOBase) -> Iterator[list[Json]]:
    """Yield the elements of a JSON list, a chunk at a time."""
    decode = json.JSONDecoder(parse_constant=_refuse).decode
    buffer = text.read(_TEXT).lstrip()
    if buffer[:1] != "[":
        raise ValueError("no JSON list")
    buffer = buffer[1:]
    while more := text.read(_TEXT):
        buffer += more
        # Decode up to a comma between two elements. After a comma inside an element, a bracket
        # or a quotation mark is still open, and decoding fails.
        end = len(buffer)
        for _ in range(_COMMAS):
            end = buffer.rfind(",", 0, end)
            try:
                yield decode(f"[{buffer[:end]}]") if end > 0 else []
            except json.JSONDecodeError:
                continue
            buffer = buffer[end + 1 :] if end > 0 else buffer
            break
        if len(buffer) > _ITEM:
            raise ValueError("an element is too large")
    yield decode(f"[{buffer}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
