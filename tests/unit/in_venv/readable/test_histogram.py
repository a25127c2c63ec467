"""The bins of numbers: `readable/histogram.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from _flowrepro.readable.histogram import MOST, histogram


def test_bins_have_a_power_of_two_as_width_and_start_at_a_multiple_of_it() -> None:
    assert histogram(np.array([0.3, 0.4, 5.5])) == {
        "start": 0.25,
        "width": 0.25,
        "counts": [2, *[0] * 20, 1],
    }


@pytest.mark.parametrize(
    ("numbers", "dtype", "shown"),
    [
        ([False, True, True], "bool", {"start": 0, "width": 1, "counts": [1, 2]}),
        ([2**60, 2**60 + 3], "i8", {"start": 2**60, "width": 1, "counts": [1, 0, 0, 1]}),
        ([2**64 - 2, 2**64 - 1], "u8", {"start": 2**64 - 2, "width": 1, "counts": [1, 1]}),
        ([-128, 127], "i1", {"start": -128, "width": 8, "counts": [1, *[0] * 30, 1]}),
    ],
)
def test_integers_are_counted_exactly(numbers: list[int], dtype: str, shown: Any) -> None:
    assert histogram(np.array(numbers, dtype=dtype)) == shown


@pytest.mark.parametrize(
    "numbers",
    [[], [4.0, 4.0], [np.inf], [np.nan, np.nan], [-1e308, 1e308], [1e-300, 2e-300]],
    ids=["none", "equal", "infinite", "unknown", "too far apart", "too near"],
)
def test_numbers_without_a_distribution_to_draw_have_none(numbers: list[float]) -> None:
    assert histogram(np.array(numbers)) == {}


@given(st.lists(st.floats(-1e12, 1e12) | st.integers(-5, 5).map(float), min_size=2))
def test_each_number_is_in_the_bin_of_its_size(numbers: list[float]) -> None:
    values = np.sort(np.array(numbers))
    bins: Any = histogram(values)
    if not bins:
        assert values[-1] - values[0] < 1e-290
        return
    start, width, counts = bins["start"], bins["width"], bins["counts"]
    assert len(counts) <= MOST
    assert sum(counts) == len(numbers)
    edges = [start + i * width for i in range(len(counts) + 1)]
    for i, number in enumerate(counts):
        assert number == ((values >= edges[i]) & (values < edges[i + 1])).sum()
