"""Explanations of plain nested values, whose places deepdiff finds."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_values import artifact, edited

from pytest_flowrepro.diff import Limits, compare
from pytest_flowrepro.diff.values import nested
from pytest_flowrepro.diff.values.compare import MALFORMED, UNEXPLAINED, explain
from pytest_flowrepro.diff.values.rules import Throughout, Tolerance
from pytest_flowrepro.diff.values.walk import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.diff.values.compare import Comparison
    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.support.strict_json import Json

ALL = Limits(lines=100_000)

RING: list[Any] = [1, 2]
RING.append(RING)
OTHER_RING: list[Any] = [1, 3]
OTHER_RING.append(OTHER_RING)

RECORDS = [{"id": n, "at": n / 4} for n in range(100)]
LETTERS = [*"abcdefgh"]

HARD: list[tuple[object, object, list[str]]] = [
    # deepdiff takes these for equal, or NaN for unequal to itself
    ([1, 2], [1.0, 2], ["[0]: 1 -> 1.0"]),
    ([1, 2], [True, 2, 3], ["2 items -> 3", "[0]: 1 -> True", "[2]: added 3"]),
    ({"a": 0.0}, {"a": -0.0}, ["['a']: 0.0 -> -0.0"]),
    ({"a": math.nan, "b": 1}, {"a": math.nan, "b": 2}, ["['b']: 1 -> 2"]),
    ({1: 0}, {True: 0}, ["[1]: removed 0", "[True]: added 0"]),
    ({1: 0}, {1.0: 0}, ["[1]: removed 0", "[1.0]: added 0"]),
    ({1}, {1.0}, ["removed 1", "added 1.0"]),
    ({math.inf}, {-math.inf}, ["removed inf", "added -inf"]),
    # what it leaves out unless it is told not to
    ({"__a": 1}, {"__a": 2}, ["['__a']: 1 -> 2"]),
    (
        {"a": 1, "b": 2, "c": 3},
        {"a": 2, "d": 2, "e": 3},
        [
            *("['a']: 1 -> 2", "['b']: removed 2", "['c']: removed 3"),
            *("['d']: added 2", "['e']: added 3"),
        ],
    ),
    # types
    ({"a": [1]}, {"a": (1,)}, ["['a']: [1] -> (1,)"]),
    ({"a": {1}}, {"a": frozenset({1})}, ["['a']: set {1} -> frozenset {1}"]),
    ({"a": b"x"}, {"a": bytearray(b"x")}, ["['a']: bytes b'x' -> bytearray b'x'"]),
    ({"a": {}}, {"a": []}, ["['a']: {} -> []"]),
    ({"a": None}, {"a": "None"}, ["['a']: None -> 'None'"]),
    ({"a": 10**40}, {"a": 10**40 + 1}, [f"['a']: 1{'0' * 40} -> 1{'0' * 39}1"]),
    # keys that are no texts, and texts that are no Unicode
    ({(1, "é"): {None: 1}}, {(1, "é"): {None: 2}}, ["[(1, 'é')][None]: 1 -> 2"]),
    ({"\ud800": 1}, {"\ud800": 2}, ["['\\\\ud800']: 1 -> 2"]),
    ({"'\"]": "\ud800"}, {"'\"]": "\ud801"}, ["['\\'\"]']: '\\\\ud800' -> '\\\\ud801'"]),
    # lists, which deepdiff compares by position where their items are dicts
    (RECORDS, [*RECORDS[:1], {"id": -1}, *RECORDS[1:]], ["[1]: added {'id': -1}"]),
    ({"a": LETTERS}, {"a": LETTERS[1:]}, ["['a'][0]: removed 'a'"]),
    (
        [*LETTERS[:2], [1]],
        [*LETTERS[1::-1], [2]],
        ["[0]: 'a' -> 'b'", "[1]: 'b' -> 'a'", "[2][0]: 1 -> 2"],
    ),
    # what is left to the walk, inside of a plain value
    (
        {"a": [0.5] * 30, "b": 1},
        {"a": [0.25] * 30, "b": 2},
        [
            "['a']: 30 of 30 elements differ, first at [0]: 0.5 -> 0.25",
            "['a']: largest difference 0.25 at [0], relative 0.5 at [0]",
            "['b']: 1 -> 2",
        ],
    ),
    (RING, OTHER_RING, ["[1]: 2 -> 3"]),
    # the places are told in the order of the old value, what is new after it
    (
        {"a": {"x": 1}, "b": 1, "c": {1, 2}},
        {"A": 0, "a": {"w": 1, "x": 2}, "b": 2, "c": {0, 2}},
        [
            *("['a']['x']: 1 -> 2", "['a']['w']: added 1", "['b']: 1 -> 2"),
            *("['c']: removed 1", "['c']: added 0", "['A']: added 0"),
        ],
    ),
]


@pytest.mark.parametrize(("old", "new", "lines"), HARD)
def test_hard_cases(old: object, new: object, lines: list[str]) -> None:
    assert [*compare(artifact(old), artifact(new)).lines] == lines


# --- any plain value ------------------------------------------------------------------

LEAVES: list[object] = [
    *(None, False, True, 0, 1, -1, 10**30, 10**400, 0.0, -0.0, 1.0, 1e300, math.inf, math.nan),
    *("", "1", "None", "é", "\ud800", "__a", b"", b"1", 1j),
]
KEYS: list[object] = ["a", "1", "__b", 1, 2.5, None, (1, "x")]
leaves = st.sampled_from(LEAVES)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
        | st.sets(st.sampled_from(["a", "b", 3, 4.5]))
        | st.frozensets(st.sampled_from(["a", "b", 3, 4.5]))
    )


values = st.recursive(leaves, containers, max_leaves=12)


def changed(draw: Any, value: Any, place: str) -> tuple[Any, list[str]]:
    """A value that differs from another in some places, and these places."""
    match value:
        case dict():
            return _changed_dict(draw, value, place)
        case list() | tuple():
            pairs = [changed(draw, item, f"{place}[{i}]") for i, item in enumerate(value)]
            return type(value)(pair[0] for pair in pairs), [x for pair in pairs for x in pair[1]]
        case set() | frozenset():
            new = draw(st.sets(st.sampled_from(["a", "b", 3, 4.5])))
            return type(value)(new), [place] * len(new ^ value)
    new = draw(leaves) if draw(st.booleans()) else value
    return new, [place] if repr(new) != repr(value) else []


def _changed_dict(draw: Any, value: dict[Any, Any], place: str) -> tuple[Any, list[str]]:
    new, places = {}, []
    for key in KEYS:
        inner = f"{place}[{key!r}]"
        kept = draw(st.integers(0, 3)) > 0
        if key in value and kept:
            new[key], found = changed(draw, value[key], inner)
            places += found
        elif key in value:
            places.append(inner)
        elif not kept:
            new[key] = draw(leaves)
            places.append(inner)
    return new, places


def told(found: Comparison) -> Iterator[str]:
    for line in found.lines:
        if line != UNEXPLAINED:
            yield line.partition(": ")[0]


@pytest.mark.slow
@settings(max_examples=400)
@given(st.data(), values)
def test_all_that_differs_is_reported_and_nothing_else(data: st.DataObject, value: object) -> None:
    old = {"v": value}
    inner, places = changed(data.draw, value, "['v']")
    one, other = artifact(old), artifact({"v": inner})
    found = compare(one, other, limits=ALL)
    assert sorted(told(found)) == sorted(places)
    assert found.differing == max(1, len(places))
    assert (one.digest == other.digest) == (not places) == (found.lines == (UNEXPLAINED,))
    few = compare(one, other, limits=Limits(lines=2))
    if len(places) > 2:
        assert few.lines == (found.lines[0], f"... and {len(places) - 1} more")
    assert few.differing == found.differing


@pytest.mark.slow
@settings(max_examples=200)
@given(values, values)
def test_the_walk_reports_the_same(old: object, new: object) -> None:
    for pair in ((old, new), ([old, new], [old, old, new]), ({"a": old}, {"a": new, "b": old})):
        one, other = map(artifact, pair)
        with pytest.MonkeyPatch.context() as patch:
            by_deepdiff = compare(one, other, limits=ALL)
            patch.setattr(nested, "LIMIT", 0)
            assert compare(one, other, limits=ALL) == by_deepdiff


# --- what deepdiff is given -----------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    made: list[object] = []
    deepdiff = nested._deepdiff

    def counted(old: Any, new: Any) -> Any:
        made.append((old, new))
        return deepdiff(old, new)

    monkeypatch.setattr(nested, "_deepdiff", counted)
    return made


def test_a_plain_value_is_explained_in_one_call(calls: list[object]) -> None:
    assert compare(artifact({"a": {"b": [1]}}), artifact({"a": {"b": [2]}})).differing
    assert len(calls) == 1


def test_no_rule_is_applied_by_deepdiff(calls: list[object]) -> None:
    rules = Throughout(Tolerance(atol=1.0))
    assert not compare(artifact({"a": [1.0]}), artifact({"a": [1.5]}), rules=rules).differing
    assert calls == []


def test_large_and_deep_values_are_left_to_the_walk(calls: list[object]) -> None:
    flat: Json = dict.fromkeys(map(str, range(nested.LIMIT // 4)), 0)
    deep: Json = 0
    for _ in range(nested.DEPTH):
        deep = [deep]
    for value in (flat, deep, "x" * 500 * nested.LIMIT):
        old, new = (edited({"a": value, "b": number}) for number in (0, 1))
        assert compare(old, new).lines == ("['b']: 0 -> 1",)
    assert calls == []


def test_the_place_of_a_malformed_node_is_reported() -> None:
    old: Json = {"a": {"$dict": [[1]]}, "b": 1}
    new: Json = {"a": {"$dict": [[2]]}, "b": 2}
    lines = compare(edited(old), edited(new)).lines
    assert lines == (f"['a']: {MALFORMED}", "['b']: 1 -> 2")


def test_equal_readable_forms_of_unequal_values_are_not_hidden(calls: list[object]) -> None:
    one: Artifact = edited({"a": [1, {"b": 2}]})
    assert compare(one, replace(one, digest="sha256:other")).lines == (UNEXPLAINED,)
    assert len(calls) == 1


def test_values_of_a_manifest_are_reported_by_their_places() -> None:
    old: Json = {"numpy": "1.26", "pandas": "2.2"}
    new: Json = {"numpy": "2.0", "pandas": "2.2"}
    lines = explain(Place(shown="@pypi packages"), old, new)
    assert lines == ("@pypi packages['numpy']: '1.26' -> '2.0'",)


def test_deepdiff_is_imported_for_a_difference_only() -> None:
    code = "import sys, pytest_flowrepro.plugin, pytest_flowrepro.cli, pytest_flowrepro.diff"
    asked = f"{code}; sys.exit('deepdiff' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
