"""The number of elements of two arrays that differ, the largest difference and its place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_flowrepro.diff.values.cells import leaf
from pytest_flowrepro.diff.values.numbers import by, distance, number, within
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.rules import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from pytest_flowrepro.diff.values.rules import Tolerance
    from pytest_flowrepro.support.strict_json import Json


_FEW = 3
"""Maximum number of differing elements that are all named."""


class Most(NamedTuple):
    """The largest difference, and the position of its element."""

    size: float = -1.0
    position: int = 0


class Gaps(NamedTuple):
    """Masks of missing elements."""

    old: np.ndarray
    new: np.ndarray

    @property
    def either(self) -> np.ndarray:
        either: np.ndarray = self.old | self.new
        return either


class Inside(NamedTuple):
    """The comparison of two elements that are values with parts: lists, arrays, objects."""

    first: str
    """The first difference with its place, as `[1]: 2.0 -> 2.5`; empty if nothing differs."""
    tolerated: float | None
    complete: bool


class Elements:
    """Counts of the differences between two equally long series of elements, chunk by chunk.

    `look_inside` compares two elements that are not numbers, under the same tolerance.
    """

    def __init__(
        self,
        dtype: str = "",
        tolerance: Tolerance = EXACT,
        look_inside: Callable[[Json, Json], Inside] | None = None,
    ) -> None:
        self._dtype = dtype
        self._tolerance = tolerance
        self._look_inside = look_inside
        self.total = 0
        self.differing = 0
        self.tolerated: float | None = None
        self.complete = True
        self._first: list[tuple[int, str]] = []
        """Positions and changes of the first elements that differ, up to `_FEW`."""
        self._absolute = Most()
        self._relative = Most()

    def lines(self, label: Callable[[int], str]) -> Iterator[str]:
        """Yield at most three lines; `label` gives the place of an element by its position.

        If only a few elements differ, all are named.
        """
        if not self.differing:
            return
        (position, change), *others = self._first
        absolute, relative = self._absolute, self._relative
        if self.differing == 1:
            if absolute.size >= 0:
                change += f" ({by(absolute.size, relative.size)})"
            yield f"1 of {self.total:,} elements differs, at {label(position)}{change}"
            return
        counted = f"{self.differing:,} of {self.total:,} elements differ"
        yield f"{counted}, first at {label(position)}{change}"
        if absolute.size >= 0:
            largest = f"largest difference {absolute.size:.3g} at {label(absolute.position)}"
            if 0 <= relative.size < math.inf:
                largest += f", relative {relative.size:.3g} at {label(relative.position)}"
            yield largest
        if len(others) + 1 == self.differing:
            named = ", ".join(f"{label(position)}{change}" for position, change in others)
            yield f"the {'other' if len(others) == 1 else 'others'} at {named}"

    def add_leaves(self, old: Sequence[Json], new: Sequence[Json]) -> None:
        """Compare elements in their readable form. Raises `ValueError` for unequal lengths."""
        start = self.total
        if set(map(type, old)) != {str} or old != new:  # most elements are equal texts
            for position, (a, b) in enumerate(zip(old, new, strict=True), start):
                if not (type(a) is type(b) is str and a == b) and not same(a, b):
                    self.total = position
                    self.add_leaf(a, b, self._tolerance)
        self.total = start + len(old)

    def add_leaf(self, old: Json, new: Json, tolerance: Tolerance) -> None:
        """Compare two elements that are not the same, at the position `total`."""
        a, b = number(old, self._dtype), number(new, self._dtype)
        difference = distance(a, b) if a and b else None
        if difference and within(tolerance, difference):
            self._add_tolerated(difference.absolute)
            return
        inside = None if a and b else self._inside(old, new)
        if inside:
            self.complete &= inside.complete
            if not inside.first:
                self._add_tolerated(inside.tolerated or 0.0)
                return
        if len(self._first) < _FEW:
            change = (
                inside.first
                if inside
                else f": {self._element_text(old)} -> {self._element_text(new)}"
            )
            self._first.append((self.total, change))
        self.differing += 1
        if difference:
            self._absolute = _larger(self._absolute, Most(difference.absolute, self.total))
            self._relative = _larger(self._relative, Most(difference.relative, self.total))

    def _inside(self, old: Json, new: Json) -> Inside | None:
        """Compare the parts of two elements; None for elements without parts."""
        parted = isinstance(old, (list, dict)) and isinstance(new, (list, dict))
        return self._look_inside(old, new) if parted and self._look_inside else None

    def _add_tolerated(self, difference: float) -> None:
        self.tolerated = max(difference, self.tolerated or 0.0)

    def _element_text(self, element: Json) -> str:
        """Return an element as one line; a number that is stored as a text has no quotes."""
        is_number = number(element, self._dtype) is not None and isinstance(element, str)
        return str(element) if is_number else render(tree(element))

    def add_chunk(
        self,
        old: np.ndarray,
        old_gaps: np.ndarray | None,
        new: np.ndarray,
        new_gaps: np.ndarray | None,
    ) -> None:
        """Compare flat arrays of one dtype, each with the mask of its missing elements."""
        import numpy as np  # noqa: PLC0415  needed on drift only

        if old.dtype != new.dtype:
            raise TypeError(f"{old.dtype} and {new.dtype} elements under one dtype")
        places = unequal(old, new)
        gaps = None
        if old_gaps is not None or new_gaps is not None:
            none = np.zeros(len(old), dtype=bool)
            gaps = Gaps(
                none if old_gaps is None else old_gaps, none if new_gaps is None else new_gaps
            )
            differ = gaps.old != gaps.new
            differ[places[~gaps.either[places]]] = True
            places = np.flatnonzero(differ)
        if len(places):
            self._add_differing(old, new, places, gaps)
        self.total += len(old)

    def _add_differing(
        self,
        old: np.ndarray,
        new: np.ndarray,
        places: np.ndarray,
        gaps: Gaps | None,
    ) -> None:
        import numpy as np  # noqa: PLC0415  needed on drift only

        a, b = (old, new) if len(places) == len(old) else (old[places], new[places])
        if a.dtype.kind in "fc":  # half and single precision would overflow
            wide = "f8" if a.dtype.kind == "f" else "c16"
            a, b = a.astype(wide, copy=False), b.astype(wide, copy=False)
        absolute = _magnitudes(a, b, self._dtype)
        if absolute is not None:
            if gaps is not None:
                absolute[gaps.either[places]] = np.nan
            sizes = np.abs(a.astype("float64") if a.dtype.kind in "iu" else a)
            within = self._within(absolute, sizes)
            if within.any():
                self._add_tolerated(float(absolute[within].max()))
                places, absolute, sizes = places[~within], absolute[~within], sizes[~within]
            with np.errstate(all="ignore"):
                relative = absolute / sizes
            self._absolute = _larger(self._absolute, _most(absolute, places, self.total))
            self._relative = _larger(self._relative, _most(relative, places, self.total))
        for at in map(int, places[: _FEW - len(self._first)]):
            a_gap, b_gap = (gaps.old[at], gaps.new[at]) if gaps else (False, False)
            shown = self._shown_element(old[at], a_gap), self._shown_element(new[at], b_gap)
            self._first.append((self.total + at, f": {shown[0]} -> {shown[1]}"))
        self.differing += len(places)

    def _shown_element(self, element: Any, missing: bool) -> str:
        return "missing" if missing else render(tree(leaf(element.item(), self._dtype)))

    def _within(self, absolute: np.ndarray, sizes: np.ndarray) -> Any:
        import numpy as np  # noqa: PLC0415  needed on drift only

        tolerance = self._tolerance
        if not (tolerance.rtol or tolerance.atol):
            return np.zeros(len(absolute), dtype=bool)
        with np.errstate(all="ignore"):
            return absolute <= tolerance.atol + tolerance.rtol * sizes


def equal(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Return whether two nodes have one digest, which decides."""
    return "digest" in old and same(old["digest"], new.get("digest"))


def same(old: Json, new: Json) -> bool:
    """Return whether two nodes are equal as JSON: 1, 1.0 and True differ, and so do 0.0 and -0.0.

    The order of keys counts: the order of fields may be part of a value, and other keys are sorted
    in every readable form.
    """
    if type(old) is not type(new):
        return False
    if isinstance(old, dict) and isinstance(new, dict):
        return [*old] == [*new] and all(same(item, new[key]) for key, item in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    if isinstance(old, float):
        return repr(old) == repr(new)
    return old == new


def unequal(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the positions of elements that differ, bit by bit, except that NaN equals NaN."""
    import numpy as np  # noqa: PLC0415  needed on drift only

    kind, size = old.dtype.kind, old.dtype.itemsize
    if kind not in "fc" or size > (8 if kind == "f" else 16):
        return np.flatnonzero(old != new)
    if kind == "c":
        return np.union1d(
            unequal(old.real.copy(), new.real.copy()), unequal(old.imag.copy(), new.imag.copy())
        )
    places = np.flatnonzero(old.view(f"i{size}") != new.view(f"i{size}"))
    a, b = (old, new) if len(places) == len(old) else (old[places], new[places])
    nan = np.isnan(a) & np.isnan(b)
    return places[~nan] if nan.any() else places


def _magnitudes(old: np.ndarray, new: np.ndarray, dtype: str) -> np.ndarray | None:
    """Return |new - old|, NaN if it is not finite; None for elements that are not numbers."""
    import numpy as np  # noqa: PLC0415  needed on drift only

    if old.dtype.kind not in "iufc" or "time" in dtype:
        return None
    with np.errstate(all="ignore"):
        if old.dtype.kind in "fc":
            magnitudes: np.ndarray = np.abs(new - old).astype("float64", copy=False)
            magnitudes[~np.isfinite(magnitudes)] = np.nan
            return magnitudes
        # The difference of two integers may overflow their type; as unsigned, its bits are right.
        unsigned = f"u{old.dtype.itemsize}"
        larger, smaller = np.maximum(old, new).view(unsigned), np.minimum(old, new).view(unsigned)
        bits: np.ndarray = larger - smaller
        return bits.astype("float64")


def _most(sizes: np.ndarray, places: np.ndarray, start: int) -> Most:
    import numpy as np  # noqa: PLC0415  needed on drift only

    comparable = np.where(np.isnan(sizes), -1.0, sizes)
    if not len(comparable):
        return Most()
    at = int(comparable.argmax())
    return Most(float(comparable[at]), start + int(places[at]))


def _larger(first: Most, second: Most) -> Most:
    return second if second.size > first.size else first
