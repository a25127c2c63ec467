"""Explanations of real values, in the readable form that the flow's interpreter gives them."""

from __future__ import annotations

import collections
import dataclasses
import math
import subprocess
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_values import artifact, edited, stored

from pytest_flowrepro.diff import Limits, compare
from pytest_flowrepro.diff.values.compare import LATE, MALFORMED, OPAQUE, UNEXPLAINED
from pytest_flowrepro.diff.values.elements import Elements
from pytest_flowrepro.diff.values.rules import Tolerance
from pytest_flowrepro.diff.values.tables import UNRECORDED

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.support.strict_json import Json


@dataclasses.dataclass
class Point:
    x: int
    y: list[int]


class Model:
    def __init__(self, weight: int) -> None:
        self.weight = weight


@dataclasses.dataclass(frozen=True)
class Rules:
    """By globs over the path inside the artifact."""

    ignore: str = "-"
    near: str = "*"
    rtol: float = 0.0
    atol: float = 0.0

    def ignored(self, path: tuple[str, ...]) -> bool:
        return fnmatchcase(".".join(path), self.ignore)

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:
        if fnmatchcase(".".join(path), self.near):
            return Tolerance(rtol=self.rtol, atol=self.atol)
        return Tolerance()


LONG = [float(n) for n in range(3_000)]
ORDERED = collections.OrderedDict(a=1, b=2)
REVERSED = collections.OrderedDict(b=2, a=1)
LOG = "".join(f"line {n}\n" for n in range(9))

EXPLAINED: list[tuple[object, object, list[str]]] = [
    (0.91, 0.93, ["by 0.02, relative 0.022"]),
    (1, 2, ["1 -> 2"]),
    ({"auc": [0.1, 0.2]}, {"auc": [0.1, 0.3]}, ["['auc'][1]: 0.2 -> 0.3 (by 0.1, relative 0.5)"]),
    ({"a": 0.0}, {"a": 1.0}, ["['a']: 0.0 -> 1.0 (by 1)"]),
    ({"a": 1.0}, {"a": math.nan}, ["['a']: 1.0 -> nan"]),
    ({"a": 1 + 1j}, {"a": 1 + 2j}, ["['a']: (1+1j) -> (1+2j) (by 1, relative 0.707)"]),
    ({"a": np.float32(1)}, {"a": np.float64(1)}, ["['a']: float32 1.0 -> float64 1.0"]),
    ({"a": 10**400}, {"a": 10**400 + 1}, [f"['a']: 1{'0' * 55} ... -> 1{'0' * 55} ..."]),
    ({"a": 1}, {"a": 1, "b": 2}, ["['b']: added 2"]),
    ({"a": 1, "b": 2}, {"a": 1}, ["['b']: removed 2"]),
    ({"b": 1, "a": 2}, {"a": 3, "b": 1}, ["['a']: 2 -> 3"]),
    ({1: "a"}, {"1": "a"}, ["[1]: removed 'a'", "['1']: added 'a'"]),
    ({(1, 2): "a"}, {(1, 2): "b"}, ["[(1, 2)]: 'a' -> 'b'"]),
    (ORDERED, REVERSED, ["the keys are in another order"]),
    (collections.Counter("aab"), collections.Counter("ab"), ["['a']: 2 -> 1"]),
    ([1], [1.0], ["[0]: 1 -> 1.0"]),
    ([True], [1], ["[0]: True -> 1"]),
    ([0.0], [-0.0], ["[0]: 0.0 -> -0.0"]),
    ([1, 2, 3], [0, 1, 2, 3], ["[0]: added 0"]),
    ([1, 2, 3, 4], [1, 4], ["[1]: removed 2 items, the first 2"]),
    ([1, 2, 3], [1, 5, 3, 4], ["3 items -> 4", "[1]: 2 -> 5", "[3]: added 4"]),
    ([[1], [2]], [[1], [3]], ["[1][0]: 2 -> 3"]),
    ((1, 2), [1, 2], ["type: tuple -> list", "(1, 2) -> [1, 2]"]),
    ({1, 2}, {2, 3}, ["removed 1", "added 3"]),
    (Point(1, [2]), Point(1, [3]), [".y[0]: 2 -> 3"]),
    (
        [0.5] * 30,
        [0.5] * 5 + [0.75] * 25,
        [
            "25 of 30 elements differ, first at [5]: 0.5 -> 0.75",
            "largest difference 0.25 at [5], relative 0.5 at [5]",
        ],
    ),
    (
        LONG,
        [*LONG[:2], 9.0, *LONG[3:]],
        ["mean: 1499.5 -> 1499.5023333333334", "[2]: 2.0 -> 9.0 (by 7, relative 3.5)"],
    ),
    ({"k": LONG}, {"k": LONG[:-1]}, ["['k'] length: 3000 -> 2999", "['k'] max: 2999.0 -> 2998.0"]),
    (
        {"k": "x" * 9_000},
        {"k": "x" * 8_999 + "y"},
        [f"['k']: near its end: '{'x' * 21}' -> '{'x' * 20}y'"],
    ),
    (
        LOG,
        LOG.replace("line 4\n", "line four\n"),
        [
            "9 lines -> 9",
            "  @@ -4,3 +4,3 @@",
            "   line 3",
            "  -line 4",
            "  +line four",
            "   line 5",
        ],
    ),
    ({"m": b"\x00a"}, {"m": b"\x00b"}, ["['m']: '\\\\x00a' -> '\\\\x00b'"]),
]


@pytest.mark.parametrize(("old", "new", "lines"), EXPLAINED)
def test_the_place_and_both_values_are_reported(old: object, new: object, lines: list[str]) -> None:
    found = compare(artifact(old), artifact(new))
    assert list(found.lines[: len(lines)]) == lines
    assert found.differing


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new, _ in EXPLAINED])
def test_a_value_does_not_differ_from_itself(old: object, new: object) -> None:
    for value in (old, new):
        assert compare(artifact(value), artifact(value)).lines == (UNEXPLAINED,)


def test_a_list_in_a_file_is_aligned(tmp_path: Path) -> None:
    old = [n * 7 % 65_537 for n in range(20_000)]
    new = [number for position, number in enumerate(old) if position % 100]
    first, *lines = compare(stored(old, tmp_path, "old"), stored(new, tmp_path, "new")).lines
    assert first == "20,000 items -> 19,800"
    assert lines[:2] == ["[0]: removed 0", f"[100]: removed {old[100]}"]
    assert lines[-1] == "... and 182 more"


def test_a_list_of_other_types_is_compared_with_one_in_a_file(tmp_path: Path) -> None:
    new = [*LONG[:7], "seven", *LONG[8:]]
    found = compare(stored(LONG, tmp_path, "old"), stored(new, tmp_path, "new"))
    assert found.lines == ("[7]: 7.0 -> 'seven'",)


def test_an_opaque_value_is_reported_with_the_reason() -> None:
    def opaque(why: str, digest: str) -> Artifact:
        value: Json = {"$opaque": why, "type": "m.Model", "digest": digest}
        return edited(value, type="m.Model", opaque=True)

    gone = "cannot be unpickled: ModuleNotFoundError: No module named 'm'"
    found = compare(opaque(gone, "01234567"), opaque(gone, "89abcdef"))
    assert found.lines == (
        f"{OPAQUE}: {gone}",
        "opaque m.Model 01234567 -> opaque m.Model 89abcdef",
    )
    assert not found.complete
    lines = compare(edited(1, type="m.Model"), opaque(gone, "01234567")).lines
    assert lines == (
        "cannot be unpickled now: ModuleNotFoundError: No module named 'm'",
        "1 -> opaque m.Model 01234567",
    )
    lines = compare(opaque(gone, "01234567"), edited(1, type="m.Model")).lines
    assert lines[:2] == ("it can be read now", f"when it was recorded: {gone}")
    crash = "cannot be loaded: its process ended with SIGSEGV"
    lines = compare(opaque(gone, "01234567"), opaque(crash, "89abcdef")).lines
    assert lines[:2] == (crash.replace(":", " now:"), f"when it was recorded: {gone}")


def test_an_object_is_reported_by_its_attributes() -> None:
    def node(kind: str, coefficient: float) -> Json:
        fields: Json = {"C": coefficient, "steps": {"$tuple": [1, 2]}}
        return {kind: {"type": "sklearn.svm.SVC", "fields": fields}}

    for kind in ("$object", "$estimator", "$dataclass"):
        found = compare(edited(node(kind, 1.0)), edited(node(kind, 2.0)))
        assert found.lines == (".C: 1.0 -> 2.0 (by 1, relative 1)",)


@pytest.mark.parametrize("as_leaves", [False, True])
def test_a_few_differing_elements_are_all_named(*, as_leaves: bool) -> None:
    elements = Elements("int64")
    old = np.arange(200_000)
    new = old.copy()
    for at in (7, 70_000, 199_999):
        new[at] = 0
    if as_leaves:
        elements.add_leaves(old.tolist(), new.tolist())
    else:
        for side in (slice(0, 100_000), slice(100_000, None)):
            elements.add_chunk(old[side], None, new[side], None)
    assert [*elements.lines(lambda at: f"[{at}]")] == [
        "3 of 200,000 elements differ, first at [7]: 7 -> 0",
        "largest difference 2e+05 at [199999], relative 1 at [7]",
        "the others at [70000]: 70000 -> 0, [199999]: 199999 -> 0",
    ]
    elements.add_leaves([1], [2])
    assert len([*elements.lines(str)]) == 2


def test_equal_summaries_of_unequal_values_are_not_hidden() -> None:
    one = edited({"$array": {"dtype": "i8", "shape": [9], "min": 0, "max": 9, "mean": 5.0}})
    found = compare(one, dataclasses.replace(one, digest="sha256:other"))
    assert found.lines == (UNRECORDED,)
    assert not found.complete


def test_of_large_items_those_that_moved_are_counted() -> None:
    items = [[float(n)] * 200 for n in range(50)]
    found = compare(artifact(items), artifact([*items[:7], [-1.0] * 200, *items[8:]]))
    assert found.lines == ("1 of 50 items differ, first at [7]",)
    found = compare(artifact(items), artifact(items[1:]))
    assert found.lines[0] == "length: 50 -> 49"


# --- rules ----------------------------------------------------------------------------

NEAR = {"auc": 0.5, "loss": [1.0, 2.0], "n": 100}


def test_a_tolerance_covers_differences_within_it_and_no_others() -> None:
    new = {"auc": 0.5001, "loss": [1.0, 2.001], "n": 100}
    found = compare(artifact(NEAR), artifact(new), rules=Rules(rtol=1e-3))
    assert (found.lines, found.differing, found.complete) == ((), 0, True)
    assert found.tolerated == pytest.approx(0.001)
    found = compare(artifact(NEAR), artifact(new), rules=Rules(near="auc", rtol=1e-3))
    assert found.lines == ("['loss'][1]: 2.0 -> 2.001 (by 0.001, relative 0.0005)",)
    assert found.tolerated == pytest.approx(0.0001)


NEVER: list[tuple[object, object]] = [
    (1.0, math.nan),
    (1.0, math.inf),
    (math.inf, -math.inf),
    (1, 1.0),
    (1, True),
    ("1", "2"),
    (np.float32(1), np.float64(1)),
    ([1.0], [1.0, 1.0]),
    (np.ones(2), np.ones(3)),
    (np.ones(2), np.ones((1, 2))),
    (np.ones(2), np.ones(2, dtype="f4")),
    (np.ones(2), np.array([1.0, math.nan])),
    (np.array([True]), np.array([False])),
    (np.array(["2024-01-01"], dtype="M8[D]"), np.array(["2024-01-02"], dtype="M8[D]")),
]


@pytest.mark.parametrize(("old", "new"), NEVER)
def test_differences_to_which_no_tolerance_applies(
    old: object, new: object, tmp_path: Path
) -> None:
    anything = Rules(rtol=1e9, atol=1e9)
    for one, other in ((old, new), (new, old)):
        found = compare(artifact({"a": one}), artifact({"a": other}), rules=anything)
        assert found.differing
        assert found.lines
        whole = stored({"a": one}, tmp_path, "one"), stored({"a": other}, tmp_path, "other")
        assert compare(*whole, rules=anything).differing


def test_an_ignored_place_is_counted_and_nothing_else_is_ignored() -> None:
    old = {"auc": 0.5, "run": {"id": 1, "of": [1]}}
    new = {"auc": 0.5, "run": {"id": 2, "of": [1]}, "more": 1}
    found = compare(artifact(old), artifact(new), rules=Rules(ignore="run*"))
    assert (found.lines, found.ignored) == (("['more']: added 1",), 1)
    found = compare(artifact(old), artifact(new), rules=Rules(ignore="[mr]*"))
    assert (found.lines, found.differing, found.ignored) == ((), 0, 2)


def test_what_is_known_by_its_digest_only_cannot_be_judged() -> None:
    for old, new in ((np.zeros(5_000), np.full(5_000, 1e-12)), (LONG, [n + 1e-12 for n in LONG])):
        one, other = artifact({"w": old}), artifact({"w": new})
        found = compare(one, other, rules=Rules(atol=1))
        assert found.differing
        assert not found.complete
        assert compare(one, other, rules=Rules(ignore="w")).complete


def test_what_is_known_whole_can_be_judged(tmp_path: Path) -> None:
    old = {"w": np.zeros(5_000), "l": LONG}
    new = {"w": np.full(5_000, 1e-12), "l": [n + 1e-9 for n in LONG]}
    whole = stored(old, tmp_path, "old"), stored(new, tmp_path, "new")
    found = compare(*whole, rules=Rules(atol=1e-8))
    assert (found.lines, found.differing, found.complete) == ((), 0, True)
    assert found.tolerated == pytest.approx(1e-9, rel=1e-3)
    found = compare(*whole, rules=Rules(atol=1e-10))
    assert [line.partition(":")[0] for line in found.lines] == ["['l']", "['l']"]


# --- bounds ---------------------------------------------------------------------------


def test_explanations_are_bounded_and_details_are_longer() -> None:
    old, new = artifact(dict.fromkeys(range(100), 0)), artifact(dict.fromkeys(range(100), 1))
    found = compare(old, new)
    assert len(found.lines) == Limits().lines == 20
    assert found.lines[-1] == "... and 81 more"
    assert found.differing == 100
    assert len(compare(old, new, limits=Limits.of_flow(details=True)).lines) == 100


def test_there_is_one_deadline_for_all_explanations_of_a_flow() -> None:
    times = iter([0.0, 1.0, 2.0, 11.0, 12.0])
    limits = Limits.of_flow(clock=lambda: next(times))
    old, new = {"a": 1, "b": 1}, {"a": 2, "b": 2}
    found = compare(artifact(old), artifact(new), limits=limits)
    assert found.lines == ("['a']: 1 -> 2", LATE)
    assert compare(artifact(old), artifact(new), limits=limits).lines == (LATE,)


def test_no_deadline_decides_a_verdict() -> None:
    late = Limits(until=0, clock=lambda: 1)
    found = compare(artifact([1.0]), artifact([1.1]), rules=Rules(rtol=0.2), limits=late)
    assert (found.differing, found.lines) == (0, ())


def test_control_characters_are_visible_and_lines_are_short() -> None:
    key = "k\x1b[31m" * 50
    old, new = {key: {key: "a\n"}}, {key: {key: "\x07::error" * 900}}
    for one, other in ((old, new), ({key: [LOG]}, {key: [LOG + "\x1b[31m\n"]})):
        for line in compare(artifact(one), artifact(other)).lines:
            assert line.isprintable()
            assert len(line) <= 200


MALFORMED_VALUES: list[Json] = [
    {"$array": 3},
    {"$array": {"values": 3}},
    {"$array": {"dtype": "x", "shape": 7, "data": "1"}},
    {"$array": {"dtype": "x", "shape": [1], "values": [1, 2]}},
    {"$frame": {"columns": [{"name": {"$x": {}}, "digest": "1", "values": {}}]}},
    {"$numbers": {"type": "list", "of": "int", "length": 3, "data": "../../x"}},
    {"$tuple": 5},
    {"$dict": [[1]]},
    {"$cut": {}},
    {"$numpy": {}},
]


@pytest.mark.parametrize("value", MALFORMED_VALUES)
def test_a_value_edited_by_hand_is_a_change_and_not_a_crash(value: Json) -> None:
    assert isinstance(value, dict)
    other: Json = {next(iter(value)): {"dtype": "x"}}
    for new in (1, other):
        assert compare(edited(value), edited(new)).differing
        assert compare(edited(new), edited(value)).differing


def test_a_value_that_is_nested_too_deeply_is_not_in_the_documented_form() -> None:
    def nested(leaf: Json) -> Json:
        for _ in range(sys.getrecursionlimit() - 200):
            leaf = [leaf]
        return leaf

    assert MALFORMED in compare(edited(nested(1)), edited(nested(2))).lines[0]


# --- any value ------------------------------------------------------------------------

floats = st.floats(allow_nan=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | st.text() | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=5)
        | st.tuples(inner, inner)
    ),
    max_leaves=10,
)
TAGS = """
    $array $frame $series $index $numbers $cut $tuple $set $dict $x $mapping $numpy $opaque $int
    $float $str $bytes $object $decimal
"""
NAMES = """
    type fields items dtype shape values data digest index columns name length categories codes
    levels attrs missing first value
"""
names = st.sampled_from(f"{TAGS} {NAMES}".split())
jsons: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=60)
@given(values, values)
def test_any_two_values_get_an_explanation(old: object, new: object) -> None:
    one, other = artifact({"a": old}), artifact({"a": new})
    found = compare(one, other)
    assert 1 <= len(found.lines) <= 20
    assert (UNEXPLAINED in found.lines) == (one.digest == other.digest)
    assert all(line.startswith(("['a']", "  ")) for line in found.lines if line != UNEXPLAINED)


@settings(max_examples=150)
@given(jsons, jsons)
def test_no_readable_form_is_a_crash(old: Json, new: Json) -> None:
    for rules in (Rules(), Rules(rtol=1.0, ignore="a*")):
        found = compare(edited(old), edited(new), rules=rules)
        assert found.lines or found.ignored or found.tolerated is not None


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(finite, finite), min_size=1, max_size=40), st.sampled_from([0.0, 1e-3, 1])
)
def test_lists_arrays_and_numbers_are_within_the_same_tolerance(
    pairs: list[tuple[float, float]], rtol: float
) -> None:
    old, new = ([pair[side] for pair in pairs] for side in (0, 1))
    beyond = sum(
        repr(a) != repr(b) and not (rtol and abs(b - a) <= 1e-6 + rtol * abs(a)) for a, b in pairs
    )
    for one, other in ((old, new), (np.array(old), np.array(new))):
        rules = Rules(rtol=rtol, atol=1e-6 if rtol else 0)
        found = compare(artifact(one, 1 << 20), artifact(other, 1 << 20), rules=rules)
        if repr(old) != repr(new):
            assert found.differing == beyond


@settings(max_examples=60)
@given(values, values)
def test_deepdiff_finds_nothing_that_is_not_reported(old: object, new: object) -> None:
    """An independent witness, for plain nested data."""
    from deepdiff import DeepDiff  # noqa: PLC0415  takes half a second

    if DeepDiff(old, new):
        assert compare(artifact({"a": old}), artifact({"a": new})).differing


WITHOUT_NUMPY = """\
import importlib, pkgutil, sys
import pytest_flowrepro

for module in pkgutil.walk_packages(pytest_flowrepro.__path__, "pytest_flowrepro."):
    if "in_venv" not in module.name and "__main__" not in module.name:
        importlib.import_module(module.name)

from pytest_flowrepro.diff.values.compare import explain
from pytest_flowrepro.diff.values.walk import Place

def array(value):
    return {"$array": {"dtype": "<f8", "shape": [1], "values": [value]}}

assert explain(Place(), 1, 2) and explain(Place(), array(1.0), array(2.0))
assert "numpy" not in sys.modules, "numpy"
assert "deepdiff" not in sys.modules, "deepdiff, which imports numpy"
"""


def test_numpy_is_imported_for_stored_arrays_and_by_deepdiff_only() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_NUMPY], check=True)
