"""The differences between arrays, series, indexes and frames."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_flowrepro.diff.counts import count, inside
from pytest_flowrepro.diff.values.cells import cells
from pytest_flowrepro.diff.values.elements import equal, same
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.rows import ROWS, Rows, moved_levels, rows
from pytest_flowrepro.diff.values.rules import NO_RULES
from pytest_flowrepro.diff.values.sequences import sequences
from pytest_flowrepro.diff.values.walk import changed_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_flowrepro.diff.values.document import Document
    from pytest_flowrepro.diff.values.walk import Place, Walk
    from pytest_flowrepro.support.strict_json import Json

Node: TypeAlias = dict[str, Any]
Columns: TypeAlias = dict[tuple[str, str], Node]

UNRECORDED = 'differs outside the recorded sample (values = "full" records all of it)'

_STRUCTURE = frozenset(
    {"type", "name", "dtype", "shape", "length", "digest", "index", "columns", "attrs", "levels"}
    | {"labels", "labels dtype", "of", "ordered"}
    | {"values", "data", "fields", "histogram"}
)
"""The keys of a node that are not a fact in words about its elements; a histogram is drawn."""


def array(walk: Walk, place: Place, old: Node, new: Node) -> None:
    """Report where two `$array` nodes differ; structured ones field by field."""
    if walk.moved(place, old, new, "dtype"):
        return
    if walk.moved(place, old, new, "shape"):
        _unequal_lengths(walk, place, old, new)
        return
    if equal(old, new):
        return
    old_fields, new_fields = old.get("fields"), new.get("fields")
    if old_fields is None or new_fields is None:
        shape = old["shape"]
        size = math.prod(shape)
        place_of = Rows(label=lambda flat: _index_of(flat, shape), lengths=(size, size))
        elements(walk, place, old, new, place_of)
        return
    walk.moved(place, {"fields": [*old_fields]}, {"fields": [*new_fields]}, "fields")
    for name in [name for name in old_fields if name in new_fields]:
        inner = place.key(name, repr(name))
        walk.node(walk, inner, old_fields[name], new_fields[name])


def numbers(walk: Walk, place: Place, old: Node, new: Node) -> None:
    """Report where two lists that are stored as arrays differ."""
    if walk.moved(place, old, new, "type", "of") or equal(old, new):
        return
    if old["length"] == new["length"]:
        elements(walk, place, old, new, Rows(lengths=(old["length"], new["length"])))
    else:
        sides = {"shape": [old["length"]]}, {"shape": [new["length"]]}
        _unequal_lengths(walk, place, {**old, **sides[0]}, {**new, **sides[1]})


def listed(node: Json, document: Document) -> tuple[str, list[Json]] | None:
    """Return `list` or `tuple`, and the items; None for any other node."""
    match node:
        case list():
            return "list", node
        case {"$tuple": list(items)}:
            return "tuple", items
        case {"$numbers": {"type": str(kind), "length": int(length), "data": data}}:
            number_cells = cells({"data": data}, document, length) if length <= ROWS else None
            return None if number_cells is None else (kind, list(number_cells.leaves()))
    return None


def index(walk: Walk, place: Place, old: Node, new: Node) -> None:
    """Report where two `$index` nodes differ; a MultiIndex level by level."""
    a, b = old.get("levels", [old]), new.get("levels", [new])
    moved_levels(walk, place, old, new)
    for position, (before, now) in enumerate(zip(a, b, strict=False)):
        level = place.fact(f"level {position}") if len(a) > 1 else place
        walk.moved(level, before, now, "name")
        if not walk.moved(level, before, now, "dtype", "ordered") and not equal(before, now):
            elements(walk, level, before, now, Rows())


def series(walk: Walk, place: Place, old: Node, new: Node) -> None:
    walk.moved(place, old, new, "name", "length")
    matched = rows(walk, place, old, new, (old["length"], new["length"]))
    _column(walk, place, old, new, matched)
    _attributes(walk, place, old, new)


def frame(walk: Walk, place: Place, old: Node, new: Node) -> None:
    """Report where two frames differ: columns by name, rows by their label in the index."""
    walk.moved(place, old, new, "shape", "labels", "labels dtype")
    a = _columns(old)
    b = _relabelled(walk, place.fact("columns"), a, _columns(new))
    for names, other_names, how in ((a, b, "removed"), (b, a, "added")):
        for name in [name for name in names if name not in other_names]:
            if not walk.skip(place.key(*name)):
                walk.differ(place, f"column {name[1]} {how}")
    if [name for name in a if name in b] != [name for name in b if name in a]:
        walk.differ(place, "columns are in another order")
    matched = rows(walk, place, old, new, (old["shape"][0], new["shape"][0]))
    for name in [name for name in a if name in b]:
        if same(a[name].get("name"), b[name].get("name")):
            _column(walk, place.key(*name), a[name], b[name], matched)
        else:  # although both are shown alike
            walk.differ(place.key(*name), "the name of the column differs")
    _attributes(walk, place, old, new)


def _columns(node: Node) -> Columns:
    """Return the columns by their name in a path and as shown; repeated names get the position."""
    columns: Columns = {}
    for position, wrapped in enumerate(node.get("columns", ())):
        column = wrapped.get("$cut", wrapped)
        shown = render(tree(column["name"])) if "name" in column else "(further columns)"
        name = column.get("name") if isinstance(column.get("name"), str) else shown
        if (name, shown) in columns:
            name, shown = f"{name} at {position}", f"{shown} at {position}"
        columns[name, shown] = column
    return columns


def _relabelled(walk: Walk, place: Place, old: Columns, new: Columns) -> Columns:
    """Return the new columns, under the old labels if these differ within a tolerance."""
    if walk.rules is NO_RULES or len(old) != len(new):
        return new
    look_inside = inside(walk, place)
    old_keys, new_keys = ({_column_key(column) for column in side.values()} for side in (old, new))
    columns: Columns = {}
    for (label, before), (name, column) in zip(old.items(), new.items(), strict=True):
        columns[name] = column
        if _column_key(before) in new_keys or _column_key(column) in old_keys:
            continue
        between = look_inside(before.get("name"), column.get("name"))
        if not between.first and between.complete:
            walk.add_tolerated(between.tolerated)
            del columns[name]
            columns[label] = {**column, "name": before["name"]}
    return columns


def _column_key(column: Node) -> str:
    return json.dumps(column.get("name"), sort_keys=True)


def _attributes(walk: Walk, place: Place, old: Node, new: Node) -> None:
    if "attrs" in old or "attrs" in new:
        walk.node(walk, place.fact("attrs"), old.get("attrs", {}), new.get("attrs", {}))


def _column(walk: Walk, place: Place, old: Node, new: Node, matched: Rows) -> None:
    if (matched.pairs is None and equal(old, new)) or walk.skip(place):
        return
    if walk.moved(place, old, new, "dtype", "ordered") or not matched.comparable:
        return
    elements(walk, place, old, new, matched)


def elements(walk: Walk, place: Place, old: Node, new: Node, matched: Rows) -> None:
    """Compare the elements of two nodes of one dtype."""
    before, now = matched.lengths or (None, None)
    a, b = cells(old, walk.old, before), cells(new, walk.new, now)
    if a is None or b is None:
        summary(walk, place, old, new)
        return
    if matched.pairs is not None:
        a, b = a.taken(matched.pairs[0]), b.taken(matched.pairs[1])
    compared = count(walk, place, a, b)
    walk.count(place, compared, matched.label)
    if not compared.differing and not same(old.get("of"), new.get("of")):
        walk.differ(place, "categories differ, elements do not")
    elif matched.pairs is None and not compared.differing and compared.tolerated is None:
        walk.differ(place, UNRECORDED)


def summary(walk: Walk, place: Place, old: Node, new: Node) -> None:
    """Report differences between the summaries of elements that are not stored."""
    walk.complete = False
    names = sorted({**old, **new}.keys() - _STRUCTURE, key=[*old, *new].index)
    facts = [
        (name, _of_end(name, old.get(name), new.get(name)) or change)
        for name, change in changed_facts(old, new, *names)
    ]
    walk.differ(*((place.fact(facts[0][0]), facts[0][1]) if facts else (place, UNRECORDED)))
    for name, change in facts[1:]:
        walk.report(place.fact(name), change)


def _of_end(name: str, old: Json, new: Json) -> str | None:
    """Return the first shown element of an end that differs; None for any other fact."""
    if name not in {"first", "last"} or not isinstance(old, list) or not isinstance(new, list):
        return None
    differing = (i for i, pair in enumerate(zip(old, new, strict=False)) if not same(*pair))
    position = next(differing, None)
    if position is None or len(old) != len(new):
        return None
    label = position if name == "first" else position - len(old)
    a, b = (render(tree(side[position])) for side in (old, new))
    return f"[{label}] differs" if a == b else f"[{label}]: {a} -> {b}"


def _unequal_lengths(walk: Walk, place: Place, old: Node, new: Node) -> None:
    """Report elements that were removed from, and added to, one dimension."""
    (before, *old_rest), (now, *new_rest) = old["shape"] or [0, 0], new["shape"] or [0, 0]
    a, b = cells(old, walk.old, before), cells(new, walk.new, now)
    if not (old_rest or new_rest or a is None or b is None or max(before, now) > ROWS):
        sequences(walk, place, list(a.leaves()), list(b.leaves()))


def _index_of(flat: int, shape: Sequence[int]) -> str:
    """Return `[1, 2]`, the place of an element in C order."""
    positions: list[int] = []
    for length in reversed(shape):
        flat, position = divmod(flat, length)
        positions.insert(0, position)
    return str(positions)
