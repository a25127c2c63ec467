"""The differences between two sequences of different lengths."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_flowrepro.diff.values.alignment import Run, runs
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pytest_flowrepro.diff.values.walk import Place, Walk
    from pytest_flowrepro.support.strict_json import Json


def sequences(walk: Walk, place: Place, old: list[Json], new: list[Json]) -> None:
    """Report removed and added items, and compare each item with the one that it replaced."""
    differing = runs([_alignment_key(item) for item in old], [_alignment_key(item) for item in new])
    if differing is None or len(differing) > 1:
        how = ", compared by position" if differing is None else ""
        walk.report(place, f"{counted(len(old), 'item')} -> {len(new):,}{how}")
    if differing is None:
        shorter = min(len(old), len(new))
        differing = [Run(0, shorter, 0, shorter), Run(shorter, len(old), shorter, len(new))]
    for run in differing:
        walk.in_time()
        before, now = old[run.start : run.stop], new[run.new_start : run.new_stop]
        if len(before) == len(now):
            for position, (a, b) in enumerate(zip(before, now, strict=True), run.start):
                walk.node(walk, place.item(position), a, b)
        else:
            _lone(walk, place, run.start, before, "removed")
            _lone(walk, place, run.new_start, now, "added")


def _lone(walk: Walk, place: Place, start: int, items: list[Json], how: str) -> None:
    positions = [i for i, _ in enumerate(items, start) if not walk.skip(place.item(i))]
    if not positions:
        return
    shown = render(tree(items[positions[0] - start]))
    if len(positions) == 1:
        walk.differ(place.item(positions[0]), f"{how} {shown}")
    else:
        text = f"{how} {len(positions):,} items, the first {shown}"
        walk.differ(place.item(positions[0]), text, count=len(positions))


def _alignment_key(item: Json) -> Hashable:
    """Return a key that only equal items share."""
    if isinstance(item, (str, int)) and not isinstance(item, bool):
        return item
    return (json.dumps(item, sort_keys=True),)
