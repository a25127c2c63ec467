"""Where the elements of an array lie: `readable/summary.py` and `readable/tables.py`."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest

from _flowrepro.canonical import encoder as canonical
from _flowrepro.readable import form, tables
from _flowrepro.readable import summary as summaries


def readable(value: object, room: int, *, digest: str | None = None) -> Any:
    return form.readable(value, room, digest=digest)


def summary(value: object, room: int = 4_000) -> Any:
    (node,) = json.loads(json.dumps(readable(value, room))).values()
    return {key: node[key] for key in node if key not in {"dtype", "digest", "shape", "name"}}


def test_numbers_are_known_by_their_spread_and_their_ends() -> None:
    assert summary(np.arange(10_001.0) / 3) == {
        "nan": 0,
        "min": 0.0,
        "max": 10_000 / 3,
        "mean": 1666.67,
        "quantiles": [833.333, 1666.67, 2500.0],
        "first": [0.0, 1 / 3, 2 / 3],
        "last": [9998 / 3, 3333.0, 10_000 / 3],
        "histogram": {"start": 0.0, "width": 128.0, "counts": [384] * 26 + [17]},
    }


@pytest.mark.parametrize(
    "array",
    [
        np.arange(10_000).reshape(100, 100),
        np.asfortranarray(np.arange(10_000).reshape(100, 100)),
        np.arange(10_000, dtype=">i8").reshape(100, 100),
        np.arange(20_000).reshape(100, 200)[:, ::2] // 2,
    ],
    ids=["C", "F", "big endian", "strided"],
)
def test_memory_order_has_no_say_in_it(array: Any) -> None:
    assert summary(array)["first"] == [0, 1, 2]
    assert summary(array)["quantiles"] == [2499, 4999, 7499]


def test_nan_and_what_is_missing_count_for_themselves() -> None:
    holes = np.arange(4_000.0)
    holes[::4] = np.nan
    found = summary(holes)
    assert (found["nan"], found["min"], found["max"], found["mean"]) == (1_000, 1, 3_999, 2000.0)

    masked = pd.Series(pd.array([None, 5, 7, 9] * 1_000, dtype="Int64"))
    found = summary(masked)
    assert (found["missing"], found["min"], found["quantiles"]) == (1_000, 5, [5, 7, 9])
    assert found["first"] == [None, 5, 7]

    times = pd.Series(pd.date_range("2024-01-01", periods=4_000, freq="h").values)
    times[7] = pd.NaT
    found = summary(times)
    assert (found["missing"], found["min"][:10], found["max"][:10]) == (
        1,
        "2024-01-01",
        "2024-06-15",
    )


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full(5_000, np.nan), {"nan": 5_000}),
        (np.array([np.inf, -np.inf, 1.0] * 2_000), {"mean": {"$float": "nan"}}),
        (np.full(5_000, 1e308), {"mean": {"$float": "inf"}}),  # as numpy's own
        (np.ones(5_000, dtype=bool), {"min": True, "quantiles": [True, True, True]}),
        (np.full(5_000, 60_000, dtype="f2"), {"mean": 60_000.0}),
        (np.array(["a", "b"] * 3_000), {"first": ["a", "b", "a"], "last": ["b", "a", "b"]}),
        (np.full(3_000, 1 << 63, dtype="u8"), {"max": {"$int": str(1 << 63)}}),
    ],
)
def test_edges(array: Any, expected: dict[str, Any]) -> None:
    found = summary(array)
    assert {key: found[key] for key in expected} == expected


def test_quantiles_of_many_are_those_of_a_sample_that_no_period_misleads() -> None:
    spikes = np.zeros(2_000_000)
    spikes[::10] = 1
    assert summary(spikes)["quantiles"] == [0, 0, 0]
    even = np.tile([0.0, 1.0], 500_000)
    assert summary(even)["quantiles"][::2] == [0, 1]
    rising = summary(np.arange(1_000_000.0))["quantiles"]
    assert rising == pytest.approx([250_000, 500_000, 750_000], rel=1e-3)


def test_what_does_not_fit_is_left_out_from_the_end() -> None:
    keys = [tuple(summary(np.arange(10_000.0), room)) for room in (4_000, 350, 250, 180, 150, 100)]
    assert keys == [
        ("nan", "min", "max", "mean", "quantiles", "first", "last", "histogram"),
        ("nan", "min", "max", "mean", "quantiles", "first", "last"),
        ("nan", "min", "max", "mean", "quantiles", "first"),
        ("nan", "min", "max", "mean"),
        ("nan", "min", "max"),
        (),
    ]


def test_a_text_shows_both_its_ends() -> None:
    cut = readable("first " + "x" * 9_000 + " last", 1_000)["$cut"]
    assert cut["first"].startswith("first ")
    assert cut["last"].endswith(" last")


def test_a_large_array_is_never_copied() -> None:
    array = np.asfortranarray(np.arange(4_000_000.0).reshape(2_000, 2_000))
    array[5, 5] = np.nan
    tracemalloc.start()
    try:
        summary(array)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < array.nbytes / 4


def test_an_array_is_looked_at_once_however_deep_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    array = np.arange(10_000.0)
    value = {"a": {"b": {"c": array, "d": "x" * 9_000}, "e": "x" * 9_000}, "f": ["x" * 9_000] * 3}

    def digest(part: Any) -> Any:
        looked.extend(["digest"] if part is array else [])
        return canonical.digest(part)

    def summarised(known: Any, leaf: Any) -> Any:
        looked.append("summary")
        return summaries.summary(known, leaf)

    monkeypatch.setattr(tables, "digest", digest)
    monkeypatch.setattr(tables, "summary", summarised)
    readable(value, 4_000)
    assert looked == ["digest", "summary"]

    looked.clear()
    readable(array, 4_000, digest=canonical.digest(array)[0])
    assert looked == ["summary"], "its digest has been found before"


def test_a_list_of_large_items_shows_which_of_them_moved() -> None:
    items = [[float(n)] * 200 for n in range(50)]
    before = readable(items, 2_000)["$cut"]["items"]
    items[7][3] = -1.0
    now = readable(items, 2_000)["$cut"]["items"]
    assert [n for n, (a, b) in enumerate(zip(before, now, strict=True)) if a != b] == [7]
    assert "items" not in readable(items * 10, 2_000)["$cut"]


def test_an_empty_list_may_stand_deeper_than_anybody_reads() -> None:
    value: list[Any] = []
    for _ in range(29):
        value = [value]
    assert '"length": 0' in json.dumps(readable([value, "x" * 9_000], 2_000))
