"""The differences between two values that a baseline records by figures, first items and a
digest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.diff.values.containers import keyed
from pytest_flowrepro.diff.values.elements import equal, same
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.strings import head_lines, tail_lines
from pytest_flowrepro.diff.values.tables import UNRECORDED

if TYPE_CHECKING:
    from pytest_flowrepro.diff.values.containers import Entries
    from pytest_flowrepro.diff.values.walk import Place, Walk
    from pytest_flowrepro.support.strict_json import Json

_BY_POSITION = ("list", "tuple")
_SETS = ("set", "frozenset")
_SORTED = ("dict", "collections.Counter", "collections.defaultdict")
_ORDERED = "collections.OrderedDict"


def cuts(walk: Walk, place: Place, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Report where two `$cut` nodes differ.

    A fact that only one of them has is not a difference.
    """
    if old["type"] == new["type"] and equal(old, new):
        return
    walk.complete = False
    differing_before = walk.differing
    alike = not walk.moved(place, old, new, "type")
    walk.moved(place, old, new, "length", "bits", "min", "max", "mean")
    moved = _moved_items(old.get("items"), new.get("items"))
    if moved:
        walk.differ(place, moved)
    if alike:
        _heads(walk, place, old, new)
    if walk.differing == differing_before:
        walk.differ(place, UNRECORDED)


def _heads(walk: Walk, place: Place, old: dict[str, Any], new: dict[str, Any]) -> None:
    kind = old["type"]
    match old.get("first"), new.get("first"):
        case str(a), str(b):
            _texts(walk, place, head_lines(a, b))
            _texts(walk, place, tail_lines(str(old.get("last", "")), str(new.get("last", ""))))
        case list(a), list(b) if kind in _BY_POSITION:
            for position, (before, now) in enumerate(zip(a, b, strict=False)):
                walk.node(walk, place.item(position), before, now)
        case list(a), list(b) if kind in _SETS:
            _sets(walk, place, [*map(_item_text, a)], [*map(_item_text, b)])
        case list(a), list(b) if kind in (*_SORTED, _ORDERED):
            _compare_entries(walk, keyed(place, a), keyed(place, b), is_sorted=kind != _ORDERED)
        case dict(a), dict(b) if kind in _SORTED:
            _compare_entries(walk, keyed(place, a.items()), keyed(place, b.items()), is_sorted=True)
        case dict(a), dict(b):  # the short fields of an object
            for name in [name for name in a if name in b]:
                walk.node(walk, place.attribute(name), a[name], b[name])


def _texts(walk: Walk, place: Place, lines: list[str]) -> None:
    for position, line in enumerate(lines):
        if position:
            walk.report(place._replace(shown=""), line)
        else:
            walk.differ(place, line)


def _compare_entries(walk: Walk, old: Entries, new: Entries, *, is_sorted: bool) -> None:
    gone, added = _lone([*old], [*new]) if is_sorted else ([], [])
    for key, (place, value) in old.items():
        if key in new:
            walk.node(walk, place, value, new[key][1])
        elif key in gone and not walk.skip(place):
            walk.differ(place, f"removed {render(tree(value))}")
    for key in added:
        if not walk.skip(new[key][0]):
            walk.differ(new[key][0], f"added {render(tree(new[key][1]))}")


def _sets(walk: Walk, place: Place, old: list[str], new: list[str]) -> None:
    for texts, how in zip(_lone(old, new), ("removed", "added"), strict=True):
        for text in texts:
            walk.differ(place, f"{how} {render(tree(json.loads(text)))}")


def _item_text(item: Json) -> str:
    return json.dumps(item, sort_keys=True)


def _lone(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """Return the items that only one of two beginnings has, for both.

    Both have the same order. So all items before a common item are known on both sides, and those
    after the last common item may be beyond the cut.
    """
    both = {*old} & {*new}

    def alone(keys: list[str]) -> list[str]:
        last = max((i for i, key in enumerate(keys) if key in both), default=0)
        return [key for key in keys[:last] if key not in both]

    return alone(old), alone(new)


def _moved_items(old: list[str] | None, new: list[str] | None) -> str | None:
    """Report how many items of two lists of one length differ, by their digests."""
    if not old or not new or len(old) != len(new):
        return None
    places = [
        i for i, (before, now) in enumerate(zip(old, new, strict=True)) if not same(before, now)
    ]
    return f"{len(places)} of {len(old)} items differ, first at [{places[0]}]" if places else None
