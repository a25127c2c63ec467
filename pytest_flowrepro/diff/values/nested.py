"""The differences between two plain nested values, found by deepdiff
(docs/explanation/deepdiff.md).

deepdiff takes 1, 1.0 and True for equal in some places, 0.0 and -0.0 everywhere, and NaN for
unequal to itself. So it never sees a number: each leaf of a readable form is the text of its JSON,
which is equal exactly if the leaf is, and each kind of container has its own class.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pytest_flowrepro.diff.values.containers import (
    items,
    key_pairs,
    keyed,
    needs_more_than_positions,
)
from pytest_flowrepro.diff.values.render import render, tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deepdiff import DeepDiff

    from pytest_flowrepro.diff.values.walk import Place, Walk
    from pytest_flowrepro.support.strict_json import Json

LIMIT = 5_000
"""Size of both values together: each node counts as its depth, as deepdiff copies the path to it,
and a text as one more for each `_UNIT` characters. deepdiff takes about five microseconds for each,
so that no explanation takes 50 ms longer than by the walk alone (benchmarks/nested.py)."""

_UNIT = 500

DEPTH = 50
"""Levels; deepdiff needs five frames of the stack for each."""

_ITEMS = "items"
"""deepdiff's name for a pair of lists that is left to the project's own comparison."""


class Origin(NamedTuple):
    """The node of a form."""

    place: Place
    node: Json
    order: int
    """Its position among all nodes of the value; each comes before its descendants."""
    last: int
    """The order of its last descendant."""


class _Leaf(str):
    __slots__ = ("origin",)
    origin: Origin


class _List(list["Form"]):
    __slots__ = ("origin",)
    origin: Origin


class _Tuple(_List):
    __slots__ = ()


class _Dict(dict[str, "Form"]):
    """Items by the text of their keys."""

    __slots__ = ("origin",)
    origin: Origin


class _Set(_Dict):
    """Items by their own texts: deepdiff's comparison of sets has no order."""

    __slots__ = ()


class _FrozenSet(_Set):
    __slots__ = ()


Form: TypeAlias = _Leaf | _List | _Dict


def nested(walk: Walk, place: Place, old: Json, new: Json) -> bool:
    """Report where two plain containers differ; return False, without a report, for other nodes."""
    if not walk.by_deepdiff:
        return False
    try:
        a, b = _Forms().form(place, old), _Forms().form(place, new)
    except (TypeError, ValueError):  # malformed: the walk reports the place
        return False
    if type(a) is not type(b) or isinstance(a, _Leaf):
        return False
    for report in sorted(_reports(_deepdiff(a, b)), key=lambda report: report.order):
        report.report(walk)
    return True


def is_small(*values: Json) -> bool:
    """Return whether values together are small and flat enough for deepdiff."""
    size = 0
    level: list[Json] = [*values]
    for depth in range(1, DEPTH + 1):
        size += depth * len(level)
        size += sum(len(node) // _UNIT for node in level if isinstance(node, str))
        if size > LIMIT:
            return False
        level = [child for node in level for child in _children(node)]
    return not level


def _children(node: Json) -> Iterable[Json]:
    match node:
        case list():
            return node
        case dict():
            return node.values()
    return ()


class _Forms:
    """Builder of the forms of one value that deepdiff compares."""

    def __init__(self) -> None:
        self._count = 0

    def form(self, place: Place, node: Json) -> Form:
        """Return the form of a node; raises `ValueError` or `TypeError` for a malformed one."""
        self._count += 1
        order = self._count
        form = self._form(place, node)
        form.origin = Origin(place, node, order, self._count)
        return form

    def _form(self, place: Place, node: Any) -> Form:
        match node:
            case list():
                return _List(self._items(place, node))
            case {"$tuple": list(inner)}:
                return _Tuple(self._items(place, inner))
            case {"$set": list(inner)} | {"$frozenset": list(inner)}:
                kind = _Set if "$set" in node else _FrozenSet
                return kind((_leaf_text(item), self.form(place, item)) for item in inner)
            case dict() if "$dict" in node or not next(iter(node), "").startswith("$"):
                entries = keyed(place, key_pairs(node))
                return _Dict((key, self.form(*entry)) for key, entry in entries.items())
        return _Leaf(_leaf_text(node))

    def _items(self, place: Place, inner: list[Json]) -> Iterator[Form]:
        return (self.form(place.item(i), item) for i, item in enumerate(inner))


def _leaf_text(node: Json) -> str:
    return json.dumps(node)


class _Report(NamedTuple):
    order: tuple[int, ...]
    """The items of the old container in their order, then those added to it."""
    kind: str
    old: Any
    new: Any

    def report(self, walk: Walk) -> None:
        if self.kind.endswith("_removed"):
            walk.differ(self.old.origin.place, f"removed {_form_text(self.old)}")
        elif self.kind.endswith("_added"):
            walk.differ(self.new.origin.place, f"added {_form_text(self.new)}")
        elif self.kind == _ITEMS:
            items(walk, self.old.origin.place, *map(_inner, (self.old, self.new)))
        else:
            old, new = self.old.origin, self.new.origin
            walk.node(walk, old.place, old.node, new.node)


def _form_text(form: Form) -> str:
    return render(tree(form.origin.node))


def _inner(form: _List) -> list[Json]:
    return [item.origin.node for item in form]


def _reports(differences: DeepDiff) -> Iterator[_Report]:
    for kind, levels in differences.items():
        for level in levels:
            order: tuple[int, ...]
            if kind.endswith("_added"):
                container = level.up.t1.origin
                order = (container.last, 1, -container.order, level.t2.origin.order)
            else:
                order = (level.t1.origin.order, 0)
            yield _Report(order, kind, level.t1, level.t2)


class _OwnLists:
    """An operator that keeps deepdiff out of lists that are aligned or summed up."""

    def match(self, level: Any) -> bool:
        old, new = level.t1, level.t2
        return (
            isinstance(old, _List)
            and type(old) is type(new)
            and old != new
            and needs_more_than_positions(_inner(old), _inner(new))
        )

    def give_up_diffing(self, level: Any, diff_instance: Any) -> bool:
        diff_instance.custom_report_result(_ITEMS, level)
        return True


def _deepdiff(old: Form, new: Form) -> DeepDiff:
    from deepdiff import DeepDiff  # noqa: PLC0415  takes a quarter of a second

    return DeepDiff(
        old,
        new,
        view="tree",
        custom_operators=[_OwnLists()],
        zip_ordered_iterables=True,  # else it aligns, in a time that grows with the square
        threshold_to_diff_deeper=0,  # else it omits the contents of dicts that differ much
        ignore_private_variables=False,  # else it omits keys that start with two underscores
    )
