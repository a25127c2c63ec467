"""Explanations of real values, in the readable form that the flow's interpreter gives them."""

from __future__ import annotations

import dataclasses
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pytest_flowrepro
from pytest_flowrepro.diff import explain
from pytest_flowrepro.diff.explain import LINES, OPAQUE, UNEXPLAINED
from pytest_flowrepro.model import Artifact, Json

sys.path.append(str(Path(pytest_flowrepro.__file__).parent / "_in_venv"))
canonical: Any = import_module("_flowrepro_canonical")
readable_form: Any = import_module("_flowrepro_readable")
kinds: Any = import_module("_flowrepro_kinds")


def artifact(value: object) -> Artifact:
    shown = json.loads(json.dumps(readable_form.readable(value, 4_000)))
    name = kinds.type_name(type(value))
    return Artifact(name="a", type=name, digest=canonical.digest(value), value=shown)


def stored(value: Json, **fields: Any) -> Artifact:
    return Artifact(**{"name": "a", "type": "dict", "digest": "sha256:", "value": value, **fields})


@dataclasses.dataclass
class Point:
    x: int
    y: list[int]


class Model:
    def __init__(self, weight: int) -> None:
        self.weight = weight


def frame(rows: int, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"a": range(rows), "b": [0.5] * rows, **columns})


def changed(array: Any, place: Any, value: object) -> Any:
    copy = array.copy()
    copy[place] = value
    return copy


LONG = [float(n) for n in range(3_000)]
GRID = np.arange(12.0).reshape(3, 4)

EXPLAINED: list[tuple[object, object, list[str]]] = [
    (0.91, 0.93, ["0.91 -> 0.93"]),
    ({"auc": [0.1, 0.2]}, {"auc": [0.1, 0.3]}, ["['auc'][1]: 0.2 -> 0.3"]),
    ({"a": 1}, {"a": 1, "b": 2}, ["['b']: added 2"]),
    ({"a": 1, "b": 2}, {"a": 1}, ["['b']: removed 2"]),
    ([1, 2, 3], [0, 1, 2, 3], ["[0]: added 0"]),
    ([1], [1.0], ["[0]: 1 -> 1.0"]),
    ([True], [1], ["[0]: True -> 1"]),
    ([0.0], [-0.0], ["[0]: 0.0 -> -0.0"]),
    ({1, 2}, {2, 3}, ["added 3", "removed 1"]),
    ({(1, 2): "a"}, {(1, 2): "b"}, ["['(1, 2)']: 'a' -> 'b'"]),
    ((1, 2), [1, 2], ["type: tuple -> list", "(1, 2) -> [1, 2]"]),
    (Point(1, [2]), Point(1, [3]), ["['y'][0]: 2 -> 3"]),
    (
        "x" * 99,
        "x" * 50 + "y" + "x" * 48,
        [f"from character 50 on: '{'x' * 40}' -> '{'x' * 20}y{'x' * 19}'"],
    ),
    (LONG, [*LONG[:2], 9.0, *LONG[3:]], ["mean: 1499.5 -> 1499.5023333333334", "[2]: 2.0 -> 9.0"]),
    ({"k": LONG}, {"k": LONG[:-1]}, ["['k'] length: 3000 -> 2999", "['k'] max: 2999.0 -> 2998.0"]),
    (GRID, changed(GRID, (1, 2), 99), ["1 of 12 elements differ, first at [1, 2]: 6.0 -> 99.0"]),
    (GRID, GRID.astype("f4"), ["dtype: 'float64' -> 'float32'"]),
    (GRID, GRID.reshape(4, 3), ["shape: [3, 4] -> [4, 3]"]),
    (np.arange(5_000), changed(np.arange(5_000), 0, -1), ["min: 0 -> -1"]),
    (
        np.zeros(2, dtype="i4,f8"),
        changed(np.zeros(2, dtype="i4,f8"), 1, (1, 0.0)),
        ["['f0']: 1 of 2 elements differ, first at [1]: 0 -> 1"],
    ),
    (frame(3), frame(3, b=1.5), ["['b']: 3 of 3 elements differ, first at [0]: 0.5 -> 1.5"]),
    (frame(900), frame(900, b=1.5), ["['b'] min: 0.5 -> 1.5"]),
    (frame(3), frame(3)[["b", "a"]], ["columns are in another order"]),
    (frame(3), frame(3, c=1), ["shape: [3, 2] -> [3, 3]", "column 'c' added"]),
    (
        frame(3),
        frame(3).set_axis([5, 6, 7]),
        ["index: 3 of 3 elements differ, first at [0]: 0 -> 5"],
    ),
    (frame(3)["a"], frame(3)["a"].rename("z"), ["name: 'a' -> 'z'"]),
    (
        {"df": frame(2)},
        {"df": frame(2, a=9)},
        ["['df']['a']: 2 of 2 elements differ, first at [0]: 0 -> 9"],
    ),
]


@pytest.mark.parametrize(("old", "new", "lines"), EXPLAINED)
def test_the_place_and_both_values_are_told(old: object, new: object, lines: list[str]) -> None:
    explained = explain(artifact(old), artifact(new))
    assert list(explained[: len(lines)]) == lines


def test_an_object_is_explained_by_its_attributes() -> None:
    assert explain(artifact({"m": Model(1)}), artifact({"m": Model(2)})) == (
        "['m']['weight']: 1 -> 2",
    )


def test_an_opaque_value_is_told_with_the_reason() -> None:
    def opaque(why: str, digest: str) -> Artifact:
        value: Json = {"$opaque": why, "type": "m.Model", "digest": digest}
        return stored(value, type="m.Model", opaque=True)

    gone = "cannot be unpickled: ModuleNotFoundError: No module named 'm'"
    assert explain(opaque(gone, "01234567"), opaque(gone, "89abcdef")) == (
        f"{OPAQUE}: {gone}",
        "opaque m.Model 01234567 -> opaque m.Model 89abcdef",
    )


def test_equal_summaries_of_unequal_values_are_not_hidden() -> None:
    one = stored({"$array": {"dtype": "i8", "shape": [9], "min": 0, "max": 9, "mean": 5.0}})
    assert explain(one, dataclasses.replace(one, digest="sha256:other")) == (UNEXPLAINED,)


def test_what_lies_beyond_the_recorded_part_is_said_to() -> None:
    lines = explain(artifact("x" * 9_000), artifact("x" * 8_999 + "y"))
    assert lines == ("str of 9,000 -> str of 9,000: differs where the value is not recorded",)


def test_explanations_are_bounded() -> None:
    lines = explain(artifact(list(range(100))), artifact([-n - 1 for n in range(100)]))
    assert len(lines) == LINES
    assert lines[-1] == "... and 81 more"


def test_control_characters_are_visible() -> None:
    lines = explain(artifact({"k\x1b[31m": "a\n"}), artifact({"k\x1b[31m": "\x07::error"}))
    text = "".join(lines)
    assert all(character.isprintable() for character in text)
    assert "::error" in text


MALFORMED: list[Json] = [
    {"$array": 3},
    {"$array": {"values": 3}},
    {"$frame": {"columns": [{"name": {"$x": {}}, "digest": "1", "values": {}}]}},
    {"$tuple": 5},
    {"$dict": [[1]]},
    {"$cut": {}},
    {"$numpy": {}},
]


@pytest.mark.parametrize("value", MALFORMED)
def test_a_value_edited_by_hand_is_a_change_and_not_a_crash(value: Json) -> None:
    assert isinstance(value, dict)
    other: Json = {next(iter(value)): {"dtype": "x"}}
    for new in (1, other):
        assert explain(stored(value), stored(new))
        assert explain(stored(new), stored(value))


def test_what_is_too_large_is_not_compared() -> None:
    large = stored(list(range(10_000)))
    assert explain(large, stored([1])) == ("differs, too large to explain",)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(values, values)
def test_any_two_values_get_an_explanation(old: object, new: object) -> None:
    one, other = artifact(old), artifact(new)
    lines = explain(one, other)
    assert 1 <= len(lines) <= LINES
    if one.digest != other.digest:
        assert UNEXPLAINED not in lines
