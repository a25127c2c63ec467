"""What a readable form does not show of a value, and that nothing of it is let pass."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_values import artifact, stored

from _flowrepro.canonical import encoder as canonical
from _flowrepro.canonical import structure as structures
from pytest_flowrepro.diff.values.compare import UNSHOWN, compare
from pytest_flowrepro.diff.values.rules import EXACT, Tolerance

if TYPE_CHECKING:
    from pathlib import Path

TMP = tempfile.gettempdir()


class Node:
    """It has a state, so that one and a copy of it are not the same."""

    def __init__(self, value: object, other: object = None) -> None:
        self.value = value
        self.other = other


class Pair(NamedTuple):
    a: Any
    b: Any


class Riap(NamedTuple):
    b: Any
    a: Any


Riap.__qualname__ = "Pair"


@dataclasses.dataclass
class Point:
    x: Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Near:
    """Numbers at `near` may move; nothing else may."""

    def ignored(self, path: tuple[str, ...]) -> bool:  # noqa: ARG002  the protocol's
        return False

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:
        return Tolerance(atol=1e-6) if "near" in path else EXACT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Besides:
    """All at `near` is ignored."""

    def ignored(self, path: tuple[str, ...]) -> bool:
        return path[:1] == ("near",)

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:  # noqa: ARG002  the protocol's
        return EXACT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Everywhere:
    def ignored(self, path: tuple[str, ...]) -> bool:  # noqa: ARG002  the protocol's
        return False

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:  # noqa: ARG002  the protocol's
        return Tolerance(atol=1e-6)


def cells(*items: object) -> Any:
    """An object array of one dimension."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def columns(labels: Any) -> pd.DataFrame:
    frame = pd.DataFrame(np.zeros((2, 2)))
    frame.columns = labels
    return frame


def indexed(labels: Any) -> pd.DataFrame:
    return pd.DataFrame({"n": [1, 2]}, index=labels)


def categories(*names: object, ordered: bool = False) -> pd.Series:
    return pd.Series(pd.Categorical(["a", "b"], categories=names, ordered=ordered))


NODE = Node(1)
UNSEEN: list[tuple[str, object, object]] = [
    ("sharing", [NODE, NODE], [NODE, Node(1)]),
    ("sharing with another place", {"a": NODE, "b": [NODE]}, {"a": NODE, "b": [Node(1)]}),
    ("which of three are one", [NODE, NODE, Node(1)], [NODE, Node(1), NODE]),
    ("sharing between cells", cells(NODE, NODE), cells(NODE, Node(1))),
    ("sharing inside a column", pd.Series([NODE, NODE]), pd.Series([NODE, Node(1)])),
    ("sharing inside of a set", {Pair(NODE, NODE)}, {Pair(NODE, Node(1))}),
    ("order of fields", Pair(1, 2), Riap(2, 1)),
    ("type of the labels", columns(pd.Index([1, 2], dtype="int8")), columns(pd.Index([1, 2]))),
    ("labels in one level", columns(pd.MultiIndex.from_tuples([("a",), ("b",)])),
     columns(pd.Index([("a",), ("b",)], tupleize_cols=False))),
    ("index in one level", indexed(pd.MultiIndex.from_arrays([["a", "b"]])),
     indexed(pd.Index(["a", "b"]))),
    ("labels that are equal to Python", indexed(pd.Index([1, "a"], dtype=object)),
     indexed(pd.Index([True, "a"], dtype=object))),
    ("categories in order", categories("a", "b"), categories("a", "b", ordered=True)),
    ("a category of nothing", categories("a", "b", "c"), categories("a", "b", "d")),
    ("a categorical index", indexed(pd.CategoricalIndex(["a", "b"], ["a", "b", "c"])),
     indexed(pd.CategoricalIndex(["a", "b"], ["a", "b", "d"]))),
    ("categorical labels", columns(pd.CategoricalIndex(["a", "b"], ["a", "b", "c"])),
     columns(pd.CategoricalIndex(["a", "b"], ["a", "b", "d"]))),
    ("a record's fields", np.zeros(1, "f8,i4")[0], np.zeros(1, "f8,i8")[0]),
    ("surrogates", "\ud800\\ud801", "\\ud800\ud801"),
    ("keys of one run", {f"{TMP}/tmp{8 * 'a'}": 1, f"{TMP}/tmp{8 * 'b'}": 2},
     {f"{TMP}/tmp{8 * 'a'}": 2}),
    ("order of a dict that has one", collections.OrderedDict(a=1, b=1),
     collections.OrderedDict(b=1, a=1)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [c[1:] for c in UNSEEN], ids=[c[0] for c in UNSEEN])
def test_what_is_hard_to_see_does_not_pass_along_with_what_may_differ(
    old: object, new: object, tmp_path: Path
) -> None:
    assert canonical.digest(old) != canonical.digest(new)
    before = stored({"near": 1.0, "x": old}, tmp_path, "old")
    now = stored({"near": 1.0 + 1e-9, "x": new}, tmp_path, "new")
    assert compare(before, now, rules=Near()).differing
    for a, b, rules in (
        ({"near": 1.0}, {"near": 1.0 + 1e-9}, Near()),
        ({"near": 1.0}, {"near": 1.0 + 1e-9}, Everywhere()),
        ({"near": 1}, {"near": 2}, Besides()),
        ({"near": [1]}, {"near": [1, 2]}, Besides()),
        ({"near": None}, {"near": {"a": Node(1)}}, Besides()),
        ({}, {"near": 1}, Besides()),
    ):
        assert not compare(artifact(a), artifact(b), rules=rules).differing
        for one, other in ((old, new), (new, old)):
            found = compare(artifact({**a, "x": one}), artifact({**b, "x": other}), rules=rules)
            assert found.differing, (a, b)


def test_two_zeros_as_labels_differ_unless_a_tolerance_concerns_them() -> None:
    one, other = artifact({"x": indexed([0.0, 1.0])}), artifact({"x": indexed([-0.0, 1.0])})
    assert compare(one, other).differing
    assert compare(one, other, rules=Near()).differing
    assert not compare(one, other, rules=Everywhere()).differing


def test_it_is_said_what_differs_where_no_place_can_be_named() -> None:
    found = compare(artifact([NODE, NODE]), artifact([NODE, Node(1)]))
    assert found.lines == (UNSHOWN,)


PLAIN = [1, 0.5, "a", None, [1, {"a": (2, {3})}], {1: b"x"}, np.zeros(3), np.float32(1)]
PLAIN += [decimal.Decimal(1), dt.date(2024, 1, 1), np.array(["a"]), [NODE.value, NODE.value]]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_a_value_that_is_shown_completely_has_no_structure(value: object) -> None:
    assert structures.structure(value) is None


def test_it_shows_whether_objects_are_shared() -> None:
    assert (structures.structure([NODE, NODE]) or "").startswith("shared:")
    assert not (structures.structure([NODE, Node(1)]) or "").startswith("shared:")
    assert not (structures.structure([Point(1)] * 2) or "").startswith("shared:")


def test_it_is_found_at_any_depth() -> None:
    deep: Any = Node(1)
    for _ in range(2_000):
        deep = [deep]
    assert len(structures.structure(deep) or "") == 16


# --- any value ------------------------------------------------------------------------

leaves = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, -0.0, 1.0, 1e-9])
) | st.sampled_from(["", "a", f"{TMP}/tmpaaaaaaaa", b"a", decimal.Decimal(1)])


def one_node(value: object) -> list[object]:
    node = Node(value)
    return [node, node]


def two_nodes(value: object) -> list[object]:
    return [Node(value), Node(value)]


def frame(value: object, other: object) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.Series([value, other], dtype=object), "n": [1.0, 2.0]})


Pairs = st.SearchStrategy[tuple[Any, Any]]


def larger(inner: Pairs) -> Pairs:
    """Two values that are made alike, or in ways that are easily confused."""

    def made(old: Any, new: Any = None, *, of: int = 2) -> Pairs:
        return st.tuples(*[inner] * of).map(
            lambda found: (old(*(p[0] for p in found)), (new or old)(*(p[1] for p in found)))
        )

    return st.one_of(
        made(lambda *items: [*items]),
        made(lambda *items: items),
        made(lambda *items: [*items], lambda *items: items, of=1),
        made(lambda a, b: {"a": a, "b": b}),
        made(lambda a, b: {1: a, f"{TMP}/tmpaaaaaaaa": b}),
        made(Node),
        made(Point, of=1),
        made(Pair),
        made(Pair, lambda a, b: Riap(b=b, a=a)),
        made(one_node, of=1),
        made(two_nodes, one_node, of=1),
        made(lambda a, b: [*one_node(a), Node(b)], lambda a, b: [Node(a), *one_node(b)]),
        made(cells),
        made(frame),
        st.tuples(*[st.lists(st.sampled_from([0.0, -0.0, 1.0]), max_size=2).map(np.array)] * 2),
    )


pairs = st.recursive(leaves.map(lambda v: (v, v)) | st.tuples(leaves, leaves), larger, max_leaves=6)


@pytest.mark.slow
@settings(max_examples=250)
@given(pairs, pairs)
def test_a_change_anywhere_else_is_never_lost(
    beside: tuple[object, object], ignored: tuple[object, object]
) -> None:
    old, new = beside
    differ = canonical.digest(old) != canonical.digest(new)
    one, other = artifact({"near": 1.0, "x": old}), artifact({"near": 1.0 + 1e-9, "x": new})
    assert bool(compare(one, other, rules=Near()).differing) == differ
    one, other = artifact({"near": ignored[0], "x": old}), artifact({"near": ignored[1], "x": new})
    found = compare(one, other, rules=Besides())
    assert found.differing or not differ


def test_cyclic_sets_are_one_structure_as_a_whole() -> None:
    def friends(age: int) -> list[Node]:
        people = [Node(20) for _ in range(13)]
        people[-1].value = age
        for one in people:
            one.other = {other for other in people if other is not one}
        return people

    structure = structures.structure
    assert (structure(friends(30)) or "").startswith("shared:")
    assert structure(friends(30)) == structure(friends(30))
    assert structure(friends(30)) != structure(friends(31))
