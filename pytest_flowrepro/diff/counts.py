"""The elements of two arrays, columns or levels of an index, compared one by one."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from pytest_flowrepro.diff.values.elements import Elements, Inside
from pytest_flowrepro.diff.values.rules import NO_RULES, Throughout
from pytest_flowrepro.diff.values.walk import Place, Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.diff.values.cells import Cells
    from pytest_flowrepro.support.strict_json import Json

_BATCH = 1 << 16


def count(walk: Walk, place: Place, old: Cells, new: Cells) -> Elements:
    """Compare the elements under the tolerance at `place`, without adding lines to the report.

    Raises `BaselineError` for a stored file that is broken, `ValueError` for unequal lengths.
    """
    elements = Elements(old.dtype, walk.rules.tolerance(place.path), inside(walk, place))
    if old.chunks is not None and new.chunks is not None:
        for old_chunk, new_chunk in zip(old.chunks(), new.chunks(), strict=True):
            walk.in_time()
            elements.add_chunk(*old_chunk, *new_chunk)
        return elements
    sides = old.leaves(), new.leaves()
    while any(batch := [list(islice(side, _BATCH)) for side in sides]):
        walk.in_time()
        elements.add_leaves(*batch)
    return elements


def inside(walk: Walk, place: Place) -> Callable[[Json, Json], Inside]:
    """Return a function that compares two elements at a place as values of their own."""
    tolerance = walk.rules.tolerance(place.path)
    rules = NO_RULES if walk.rules is NO_RULES else Throughout(tolerance)
    limits = replace(walk.limits, lines=1)

    def look_inside(old: Json, new: Json) -> Inside:
        # An element has no place of its own: places inside it count as the place of the array.
        inner = Walk(old=walk.old, new=walk.new, node=walk.node, rules=rules, limits=limits)
        walk.node(inner, Place(), old, new)
        if not inner.differing:
            return Inside("", inner.tolerated, inner.complete)
        first = inner.lines[0]
        shown = first if first[:1] in ("[", ".") else f": {first}"
        return Inside(shown, inner.tolerated, inner.complete)

    return look_inside
