"""The rows of two tables that belong together: those with the same label in the index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_flowrepro.diff.counts import count
from pytest_flowrepro.diff.values.cells import cells
from pytest_flowrepro.diff.values.elements import equal, same
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.rules import NO_RULES
from pytest_flowrepro.diff.values.walk import changed_facts
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from pytest_flowrepro.diff.values.document import Document
    from pytest_flowrepro.diff.values.walk import Place, Walk
    from pytest_flowrepro.support.strict_json import Json

ROWS = 500_000
"""Rows that are matched by their labels, each of which takes about 100 bytes."""

Node: TypeAlias = dict[str, Any]
Label: TypeAlias = "Hashable"
Pairs: TypeAlias = tuple[list[int], list[int]]
"""Positions on both sides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The pairs that are compared: rows of a table, or elements of an array."""

    label: Callable[[int], str] = "[{}]".format
    """A label for the position among the compared rows."""
    lengths: tuple[int, int] | None = None
    """The number of rows that each side must have."""
    pairs: Pairs | None = None
    """The rows on both sides; None if they are in the same places."""

    @property
    def comparable(self) -> bool:
        return self.pairs is not None or self.lengths is None or len(set(self.lengths)) == 1


def rows(walk: Walk, place: Place, old: Node, new: Node, lengths: tuple[int, int]) -> Rows:
    """Match the rows of two frames or series, and report differences of their indexes.

    If labels are not known, not unique, or have nothing in common, rows are matched by position.
    """
    place = place.fact("index")
    a, b = old["index"], new["index"]
    label = _labeller(a, walk.old, lengths[0])
    in_place = Rows(lengths=lengths, label=label)
    if _same_index(a, b) or walk.skip(place) or _is_within(walk, place, a, b, lengths):
        return in_place
    before, now = _labels(a, walk.old, lengths[0]), _labels(b, walk.new, lengths[1])
    if before is None or now is None or not _can_be_matched(before, now):
        if in_place.comparable:
            walk.node(walk, place, {"$index": a}, {"$index": b})
        return in_place
    moved_levels(walk, place, a, b)
    for old_level, new_level in zip(a.get("levels", [a]), b.get("levels", [b]), strict=False):
        walk.moved(place, old_level, new_level, "name", "dtype", "ordered", "of")
    pairs = _matched(walk, place, before, now)
    return Rows(lengths=lengths, label=lambda i: _label_text(before[pairs[0][i]]), pairs=pairs)


def moved_levels(walk: Walk, place: Place, old: Node, new: Node) -> None:
    """Report a difference in the number of levels of two indexes."""
    before, now = (
        {"levels": len(node["levels"]) if "levels" in node else None} for node in (old, new)
    )
    walk.moved(place, before, now, "levels")


def _can_be_matched(old: list[Label], new: list[Label]) -> bool:
    old_labels, new_labels = set(old), set(new)
    unique = len(old_labels) == len(old) and len(new_labels) == len(new)
    return unique and not old_labels.isdisjoint(new_labels)


def _matched(walk: Walk, place: Place, old: list[Label], new: list[Label]) -> Pairs:
    positions = {label: position for position, label in enumerate(new)}
    common = [position for position, label in enumerate(old) if label in positions]
    new_positions = [positions[old[position]] for position in common]
    both = {old[position] for position in common}
    for labels, how in ((old, "removed"), (new, "added")):
        lone = [label for label in labels if label not in both]
        if lone:
            line = f"{counted(len(lone), 'row')} {how}: {_first_label(lone)}"
            walk.differ(place, line, count=len(lone))
    if new_positions != sorted(new_positions):
        walk.differ(place, "the rows are in another order")
    return common, new_positions


def _first_label(labels: list[Label]) -> str:
    shown = ", ".join(_label_text(label) for label in labels[:3])
    return shown if len(labels) <= 3 else f"{shown}, ..."


def _same_index(old: Node, new: Node) -> bool:
    a, b = old.get("levels", [old]), new.get("levels", [new])
    alike = len(a) == len(b) and ("levels" in old) == ("levels" in new)
    return alike and all(
        equal(old_level, new_level) and same(old_level.get("name"), new_level.get("name"))
        for old_level, new_level in zip(a, b, strict=True)
    )


def _is_within(walk: Walk, place: Place, old: Node, new: Node, lengths: tuple[int, int]) -> bool:
    """Return whether the labels are numbers that differ within a tolerance, and count them."""
    if walk.rules is NO_RULES or lengths[0] != lengths[1]:
        return False
    a, b = old.get("levels", [old]), new.get("levels", [new])
    if len(a) != len(b) or ("levels" in old) != ("levels" in new):
        return False
    largest: list[float | None] = []
    for position, (old_level, new_level) in enumerate(zip(a, b, strict=True)):
        if any(changed_facts(old_level, new_level, "name", "dtype", "ordered", "of")):
            return False
        if equal(old_level, new_level):
            continue
        level = place.fact(f"level {position}") if len(a) > 1 else place
        before, now = cells(old_level, walk.old, lengths[0]), cells(new_level, walk.new, lengths[1])
        if before is None or now is None:
            return False
        elements = count(walk, level, before, now)
        if elements.differing or not elements.complete:
            return False
        largest.append(elements.tolerated)
    for difference in largest:
        walk.add_tolerated(difference)
    return True


def _labeller(index: Node, document: Document, length: int) -> Callable[[int], str]:
    """Return a function that shows a label; the labels are read at its first call."""
    levels_read: list[list[list[Json]] | None] = []

    def label(position: int) -> str:
        if not levels_read:
            levels_read.append(_levels(index, document, length))
        if levels_read[0] is None:
            return f"[{position}]"
        return _label_text(_label([level[position] for level in levels_read[0]]))

    return label


def _labels(index: Node, document: Document, length: int) -> list[Label] | None:
    levels = _levels(index, document, length)
    return None if levels is None else list(map(_label, zip(*levels, strict=True)))


def _levels(index: Node, document: Document, length: int) -> list[list[Json]] | None:
    """Return the labels of each level; None if they are not recorded, or too many."""
    if length > ROWS:
        return None
    levels = [cells(level, document, length) for level in index.get("levels", [index])]
    labels_by_level = [list(level.leaves()) for level in levels if level is not None]
    if len(labels_by_level) < len(levels) or any(len(level) != length for level in labels_by_level):
        return None
    return labels_by_level


def _label(parts: Sequence[Json]) -> Label:
    """Return the label of a row from its parts in each level."""
    return _hashable(parts[0]) if len(parts) == 1 else tuple(map(_hashable, parts))


def _hashable(leaf: Json) -> Label:
    """Return a key that only equal labels share: to Python 1, 1.0 and True are equal."""
    return json.dumps(leaf) if isinstance(leaf, (dict, list)) else tree(leaf)


def _label_text(label: Label) -> str:
    return f"[{render(label)}]"
