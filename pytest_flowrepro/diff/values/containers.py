"""The differences between lists, mappings, sets and objects: item by item, key by key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_flowrepro.diff.values.elements import Elements, same
from pytest_flowrepro.diff.values.exact import is_exact
from pytest_flowrepro.diff.values.numbers import number
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.sequences import sequences

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.diff.values.walk import Place, Walk
    from pytest_flowrepro.support.strict_json import Json

_MANY = 20
"""Numbers of one list that differ before they are summed up."""

_ORDERED = "collections.OrderedDict"

Entries: TypeAlias = "dict[str, tuple[Place, Json]]"
"""Places and values by the text of the key's JSON."""


def items(walk: Walk, place: Place, old: list[Json], new: list[Json]) -> None:
    """Report where two lists or tuples differ."""
    if len(old) != len(new):
        sequences(walk, place, old, new)
        return
    places = _differing_positions(old, new)
    if _are_many_numbers(old, new, places):
        _many_numbers(walk, place, old, new, places)
        return
    for position in places:
        walk.node(walk, place.item(position), old[position], new[position])


def needs_more_than_positions(old: list[Json], new: list[Json]) -> bool:
    """Return whether `items` aligns two lists, or sums up their differences."""
    return len(old) != len(new) or _are_many_numbers(old, new, _differing_positions(old, new))


def _differing_positions(old: list[Json], new: list[Json]) -> list[int]:
    return [i for i, pair in enumerate(zip(old, new, strict=True)) if not same(*pair)]


def _are_many_numbers(old: list[Json], new: list[Json], places: list[int]) -> bool:
    return len(places) > _MANY and all(number(old[i]) and number(new[i]) for i in places)


def _many_numbers(
    walk: Walk, place: Place, old: list[Json], new: list[Json], places: list[int]
) -> None:
    elements = Elements()
    for position in places:
        item = place.item(position)
        if not walk.skip(item):
            elements.total = position
            elements.add_leaf(old[position], new[position], walk.rules.tolerance(item.path))
    elements.total = len(old)
    walk.count(place, elements, "[{}]".format)


def dicts(walk: Walk, place: Place, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Report where two dicts differ; the order of their keys is not compared."""
    _compare_entries(walk, *(keyed(place, key_pairs(node)) for node in (old, new)))


def key_pairs(node: dict[str, Any]) -> Iterable[Any]:
    """Return the keys and values of a dict with keys of any type."""
    pairs: Iterable[Any] = node["$dict"] if "$dict" in node else node.items()
    return pairs


def mappings(walk: Walk, place: Place, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Report where two Counters, defaultdicts or OrderedDicts differ.

    Only OrderedDicts have an order.
    """
    walk.moved(place, old, new, "type")
    a, b = keyed(place, old["items"]), keyed(place, new["items"])
    _compare_entries(walk, a, b)
    if old["type"] == _ORDERED and _order(a, b) != _order(b, a):
        walk.differ(place, "the keys are in another order")


def objects(
    walk: Walk, place: Place, kind: str, sides: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    """Report where two values with named parts differ: dataclasses, enums, objects."""
    old, new = sides
    walk.moved(place, old, new, "type")
    a, b = (
        {name: (place.attribute(name), value) for name, value in node["fields"].items()}
        for node in sides
    )
    exact = {name for name in (*a, *b) if is_exact(kind, name)}
    with walk.exactly():
        _compare_entries(
            walk, *({name: side[name] for name in side if name in exact} for side in (a, b))
        )
    _compare_entries(
        walk, *({name: side[name] for name in side if name not in exact} for side in (a, b))
    )
    if _order(a, b) != _order(b, a):
        walk.differ(place, "the fields are in another order")


def sets(walk: Walk, place: Place, old: list[Json], new: list[Json]) -> None:
    a, b = keyed(place, zip(old, old, strict=True)), keyed(place, zip(new, new, strict=True))
    for entries, other_entries, how in ((a, b, "removed"), (b, a, "added")):
        for key, (at, item) in entries.items():
            if key not in other_entries and not walk.skip(at):
                walk.differ(place, f"{how} {render(tree(item))}")


def _order(entries: Entries, other_entries: Entries) -> list[str]:
    """Return the keys that both have, in the order of the first."""
    return [key for key in entries if key in other_entries]


def keyed(place: Place, pairs: Iterable[Any]) -> Entries:
    entries: Entries = {}
    for key, value in pairs:
        shown = render(tree(key))
        unique_key = json.dumps(key, sort_keys=True)
        while unique_key in entries:  # a dict may have two NaN as keys
            unique_key += " again"
        entries[unique_key] = (place.key(key if isinstance(key, str) else shown, shown), value)
    return entries


def _compare_entries(walk: Walk, old: Entries, new: Entries) -> None:
    for key, (place, value) in old.items():
        if key in new:
            walk.node(walk, place, value, new[key][1])
        elif not walk.skip(place):
            walk.differ(place, f"removed {render(tree(value))}")
    for key, (place, value) in new.items():
        if key not in old and not walk.skip(place):
            walk.differ(place, f"added {render(tree(value))}")
