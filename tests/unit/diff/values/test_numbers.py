from __future__ import annotations

import math
import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_values import artifact, stored

from pytest_flowrepro.diff import compare
from pytest_flowrepro.diff.values.document import is_whole
from pytest_flowrepro.diff.values.numbers import distance, number, within
from pytest_flowrepro.diff.values.rules import EXACT, Tolerance

if TYPE_CHECKING:
    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.support.strict_json import Json


def of(dtype: str, value: Json) -> Json:
    return {"$numpy": {"dtype": dtype, "value": value}}


KINDS: list[tuple[Json, Any]] = [
    (1, ("int", 1)),
    ({"$int": str(10**30)}, ("int", 10**30)),
    (1.5, ("float", 1.5)),
    ({"$complex": "(1+2j)"}, ("complex", 1 + 2j)),
    ({"$decimal": "1.50"}, ("decimal", Fraction(3, 2))),
    ({"$fractions.Fraction": "1/3"}, ("fraction", Fraction(1, 3))),
    (of("float32", 1.5), ("float32", 1.5)),
    (of("float128", "1.0000000000000000001"), ("float128", 1 + Fraction(1, 10**19))),
    (of("complex256", "(1e-05-2.5e+30j)"), ("complex256", (Fraction(1, 10**5), -25 * 10**29))),
    (of("complex256", "2j"), ("complex256", (0, 2))),
    (of("complex256", "-1e-05j"), ("complex256", (0, Fraction(-1, 10**5)))),
    (True, None),
    (None, None),
    ("1", None),
    ([1], None),
    ({}, None),
    ({"a": "1"}, None),
    (of("bool", value=True), None),
    (of("datetime64[s]", "2026"), None),
    ({"$decimal": "NaN"}, None),
    ({"$decimal": "1e999999999"}, None),
    ({"$decimal": "one"}, None),
    ({"$fractions.Fraction": "1/0"}, None),
    (of("float128", "inf"), None),
    (of("complex256", "(nan+1j)"), None),
    ({"$date": "2026-01-01"}, None),
]


@pytest.mark.parametrize(("node", "known"), KINDS)
def test_what_is_a_number(node: Json, known: Any) -> None:
    assert number(node) == known


def test_the_dtype_of_an_array_determines_the_type_of_its_texts() -> None:
    assert number("1.5", "float128") == ("float128", Fraction(3, 2))
    assert number("1.5", "str") is None


APART: list[tuple[Json, Json, Tolerance, bool]] = [
    # Beyond the digits of a float, which would be no distance at all.
    (of("float128", "1.0"), of("float128", "1.0000000000000000001"), Tolerance(rtol=1e-20), False),
    (of("float128", "1.0"), of("float128", "1.0000000000000000001"), Tolerance(rtol=1e-18), True),
    ({"$decimal": "1"}, {"$decimal": "1." + "0" * 60 + "1"}, Tolerance(rtol=1e-70), False),
    ({"$decimal": "1"}, {"$decimal": "1." + "0" * 60 + "1"}, Tolerance(rtol=1e-60), True),
    # Beyond the largest float.
    ({"$int": str(10**400)}, {"$int": str(10**400 + 10**390)}, Tolerance(rtol=1e-9), True),
    ({"$int": str(10**400)}, {"$int": str(10**400 + 10**392)}, Tolerance(rtol=1e-9), False),
    (1.7e308, -1.7e308, Tolerance(rtol=1e3), False),
    # The end belongs to it.
    (10, 11, Tolerance(rtol=0.1), True),
    ({"$decimal": "1"}, {"$decimal": "1.1"}, Tolerance(rtol=0.1), True),
    ({"$fractions.Fraction": "1"}, {"$fractions.Fraction": "11/10"}, Tolerance(rtol=0.1), True),
    ({"$complex": "(3+4j)"}, {"$complex": "(3+4.5j)"}, Tolerance(rtol=0.1), True),
    (of("complex256", "(3+4j)"), of("complex256", "(3+4.5j)"), Tolerance(rtol=0.1), True),
    (of("complex256", "(3+4j)"), of("complex256", "(3+4.6j)"), Tolerance(rtol=0.1), False),
    # Of no distance, or of none that is finite.
    (0.0, -0.0, Tolerance(atol=1e-300), True),
    (0.0, -0.0, EXACT, False),
    (1, 1.0, Tolerance(atol=1.0), False),
    (1.0, {"$float": "nan"}, Tolerance(atol=1.0), False),
    ({"$float": "inf"}, {"$float": "inf"}, Tolerance(atol=1.0), False),
    (of("float32", 1.0), of("float64", 1.0), Tolerance(atol=1.0), False),
]


@pytest.mark.parametrize(("old", "new", "tolerance", "passes"), APART)
def test_a_distance_is_as_exact_as_the_numbers(
    old: Json, new: Json, tolerance: Tolerance, passes: bool
) -> None:
    a, b = number(old), number(new)
    assert a
    assert b
    assert within(tolerance, distance(a, b)) is passes


# --- anywhere ---------------------------------------------------------------------------

RTOL = 1e-3


class Near:
    def ignored(self, path: tuple[str, ...]) -> bool:  # noqa: ARG002  the protocol's
        return False

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:  # noqa: ARG002  the protocol's
        return Tolerance(rtol=RTOL)


def cells(*items: object) -> Any:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


real = st.floats(0.5, 1e6) | st.floats(-1e6, -0.5)
moved = st.sampled_from([0.0, 1e-9, 5e-4, -5e-4, 2e-3, -0.5])
"""Relative changes: those up to `RTOL` are let pass."""

of_type = st.sampled_from(
    [float, complex, Decimal, Fraction, np.float64, np.longdouble, np.complex128]
)
"""With all the digits that a float has."""

Pair = tuple[Any, Any, float]
"""Two values, and the largest relative change between them."""


def pair(make: Any, value: float, change: float) -> Pair:
    new = value + value * change
    return make(value), make(new), abs(new - value) / abs(value)


def inside(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    makers = [
        lambda *items: [*items],
        lambda *items: items,
        lambda *items: {"k": items},
        lambda *items: {1: list(items)},
        cells,
        lambda *items: pd.DataFrame({"c": pd.Series(items, dtype=object)}),
        lambda *items: pd.Series([list(items), None], dtype=object),
        lambda *items: cells([*items], {"x": items}),
    ]

    def made(found: tuple[Any, list[Pair]]) -> Pair:
        make, pairs = found
        return make(*(p[0] for p in pairs)), make(*(p[1] for p in pairs)), max(p[2] for p in pairs)

    return st.tuples(st.sampled_from(makers), st.lists(inner, min_size=1, max_size=3)).map(made)


def whole(value: object, folder: Path, name: str) -> Artifact:
    """As a recording has it where a tolerance is about it."""
    shown = artifact(value)
    return shown if is_whole(shown.value) else stored(value, folder, name)


pairs = st.recursive(st.builds(pair, of_type, real, moved), inside, max_leaves=6)


@pytest.mark.slow
@settings(max_examples=300)
@given(pairs)
def test_a_change_passes_where_each_number_is_within(found: Pair) -> None:
    old, new, change = found
    with tempfile.TemporaryDirectory() as folder:
        one, other = whole(old, Path(folder), "old"), whole(new, Path(folder), "new")
        if one.digest == other.digest:
            return
        compared = compare(one, other, rules=Near())
    if math.isclose(change, RTOL, rel_tol=1e-6):
        return
    assert bool(compared.differing) == (change > RTOL), compared
    if change <= RTOL:
        assert compared.tolerated is not None
        assert compared.lines == ()


# --- labels -----------------------------------------------------------------------------


def frame(index: Any, columns: Any = ("a",)) -> pd.DataFrame:
    return pd.DataFrame(np.ones((len(index), len(columns))), index=index, columns=list(columns))


LABELS: list[tuple[Any, Any, list[str]]] = [
    (frame([1.0, 2.0]), frame([1.0, 2.0001]), []),
    (frame([1.0, 2.0]), frame([1.0001, 2.0001]), []),
    (
        frame([1.0, 2.0]),
        frame([1.0001, 2.1]),
        ["index: 1 of 2 elements differs, at [1]: 2.0 -> 2.1 (by 0.1, relative 0.05)"],
    ),
    (frame([1.0, 2.0]), frame([2.0, 1.0]), ["index: the rows are in another order"]),
    (frame([1.0, 2.0]), frame([1.0]), ["shape: [2, 1] -> [1, 1]", "index: 1 row removed: [2.0]"]),
    (
        frame(["a", "b"]),
        frame(["a", "c"]),
        ["index: 1 row removed: ['b']", "index: 1 row added: ['c']"],
    ),
    (frame([1], [1.0, 2.0]), frame([1], [1.0001, 2.0]), []),
    (
        frame([1], [1.0, 2.0]),
        frame([1], [1.1, 2.0]),
        ["column float64 1.0 removed", "column float64 1.1 added"],
    ),
    (frame([1], [1.0, 2.0]), frame([1], [2.0, 1.0]), ["columns are in another order"]),
    (frame([1], [1.0, 1.0]), frame([1], [1.0001, 1.0001]), []),
    (frame([1], ["a", "b"]), frame([1], ["b", "a"]), ["columns are in another order"]),
    (frame([1], [(1.0, "a"), (1.0, "b")]), frame([1], [(1.0001, "a"), (1.0, "b")]), []),
    (
        frame(pd.MultiIndex.from_tuples([("a", 1.0), ("b", 2.0)])),
        frame(pd.MultiIndex.from_tuples([("a", 1.0001), ("b", 2.0)])),
        [],
    ),
    (
        frame(pd.MultiIndex.from_tuples([("a", 1.0), ("b", 2.0)])),
        frame(pd.MultiIndex.from_tuples([("c", 1.0001), ("b", 2.0)])),
        ["index: 1 row removed: [('a', 1.0)]", "index: 1 row added: [('c', 1.0001)]"],
    ),
]


@pytest.mark.parametrize(("old", "new", "lines"), LABELS)
def test_labels_that_are_numbers_may_move(old: Any, new: Any, lines: list[str]) -> None:
    found = compare(artifact(old), artifact(new), rules=Near())
    assert list(found.lines) == lines
    assert bool(found.differing) == bool(lines)
