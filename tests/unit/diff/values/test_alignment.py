from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_flowrepro.diff.values.alignment import Run, runs

ALIGNED: list[tuple[str, str, list[Run]]] = [
    ("", "", []),
    ("abc", "abc", []),
    ("abc", "ac", [Run(1, 2, 1, 1)]),
    ("ac", "abc", [Run(1, 1, 1, 2)]),
    ("abc", "axc", [Run(1, 2, 1, 2)]),
    ("abcde", "xbcdey", [Run(0, 1, 0, 1), Run(5, 5, 5, 6)]),
    ("", "ab", [Run(0, 0, 0, 2)]),
    ("aaa", "aa", [Run(2, 3, 2, 2)]),
]


@pytest.mark.parametrize(("old", "new", "expected"), ALIGNED)
def test_runs(old: str, new: str, expected: list[Run]) -> None:
    assert runs(old, new) == expected


@given(st.text("ab", max_size=30), st.text("ab", max_size=30))
def test_the_runs_turn_one_sequence_into_the_other(old: str, new: str) -> None:
    found = runs(old, new)
    assert found is not None
    built, at = "", 0
    for run in found:
        assert old[run.start : run.stop] or new[run.new_start : run.new_stop]
        built += old[at : run.start]
        assert len(built) == run.new_start
        built += new[run.new_start : run.new_stop]
        at = run.stop
    assert built + old[at:] == new


def test_a_long_list_with_deletions_is_fast_and_one_that_is_all_new_is_given_up() -> None:
    old = list(range(20_000))
    started = time.perf_counter()
    found = runs(old, [n for n in old if n % 100])
    assert found is not None
    assert len(found) == 200
    assert runs(old, [-n - 1 for n in range(19_999)]) is None
    assert runs([0, 1] * 10_000, [0, 0, 1] * 6_000) is None
    assert time.perf_counter() - started < 10  # a second where nothing else runs
