"""The part of a value that its readable form does not show (docs/reference/values.md).

Texts, numbers and elements are shown one by one, and may be compared one by one, some within a
tolerance. The structure is the canonical form without these: the types, their order, and the places
that hold the same object. Runs in the flow's own interpreter: standard library only, Python 3.8
syntax.
"""

from __future__ import annotations

import hashlib
from typing import Any, Callable, Optional

from _flowrepro.arrays import has_objects, numpy_kind
from _flowrepro.canonical.encoder import (
    HEADER,
    SCALARS,
    Encoder,
    TooManyPathsError,
    at_any_depth,
    digest,
)

SHARED = "shared:"
"""Prefix of the structure of a value that contains an object more than once."""


def structure(value: object) -> Optional[str]:
    """Return the structure of a value as 16 hexadecimal digits.

    None for a value that its readable form shows completely: plain containers, texts, numbers and
    arrays of these. If only a graph has a form, the digits are those of the digest, because nothing
    can be left out. Raises the errors of `digest`.
    """

    def structure_at(depth: int) -> Optional[str]:
        sha = hashlib.sha256(HEADER)
        encoder = _Structure(sha.update, depth)
        encoder.encode(value)
        if encoder.is_plain:
            return None
        return (SHARED if encoder.shares else "") + sha.hexdigest()[:16]

    try:
        return at_any_depth(structure_at)
    except TooManyPathsError:
        return SHARED + digest(value)[len("sha256:") :][:16]


class _Structure(Encoder):
    def __init__(self, write: Callable[[Any], object], depth: int) -> None:
        super().__init__(write, depth)
        self._scalars = dict.fromkeys(SCALARS, lambda _: b".")
        self.is_plain = True

    def _write_text(self, kind: str, exact: str) -> None:  # noqa: ARG002  what it leaves out
        self._write(b".")

    def _numbers(self, array: Any) -> None:
        pass

    def _other(self, value: Any) -> None:
        is_array = numpy_kind(value) and value.dtype.names is None and not has_objects(value.dtype)
        self.is_plain = self.is_plain and bool(is_array)
        super()._other(value)

    def _bytes(self, value: Any) -> bytes:
        """Return the exact form: names, keys and the items of a set are compared as a whole."""
        if type(value) in SCALARS:
            return SCALARS[type(value)](value)
        exact = Encoder(self._write, self._depth)
        exact._path = self._path  # noqa: SLF001  of the same class
        form = exact._bytes(value)  # noqa: SLF001
        self.is_plain = False
        self.shares = self.shares or exact.shares
        return form

    def _categories(self, categories: Any) -> None:
        """Write categories exactly: they belong to the dtype, to which no tolerance applies."""
        Encoder(self._write, self._depth)._categories(categories)  # noqa: SLF001
