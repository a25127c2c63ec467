from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_flowrepro.plugin.split import chains, split, split_chains

if TYPE_CHECKING:
    from random import Random

NAMES = st.text("abcdefghij/.:@", min_size=1, max_size=8)
WEIGHTS = st.dictionaries(NAMES, st.integers(1, 10**6), max_size=40)


def loads(weights: dict[str, int], shards: dict[str, int], count: int) -> list[int]:
    return [sum(w for name, w in weights.items() if shards[name] == n + 1) for n in range(count)]


@given(WEIGHTS, st.integers(1, 12))
def test_each_name_is_in_a_single_shard_whatever_its_weight(
    weights: dict[str, int], count: int
) -> None:
    shards = split(weights, count)
    assert shards.keys() == weights.keys()
    assert set(shards.values()) <= set(range(1, count + 1))


@given(WEIGHTS, st.lists(st.tuples(NAMES, NAMES), max_size=20), st.integers(1, 12))
def test_no_flow_is_lost_or_apart_from_those_that_it_runs_after(
    weights: dict[str, int], links: list[tuple[str, str]], count: int
) -> None:
    shards = split_chains(weights, links, count)
    assert shards.keys() == weights.keys()
    assert set(shards.values()) <= set(range(1, count + 1))
    for first, second in links:
        if first in shards and second in shards:
            assert shards[first] == shards[second]


@given(WEIGHTS, st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_split_does_not_depend_on_the_order(
    weights: dict[str, int], count: int, random: Random
) -> None:
    shuffled = list(weights.items())
    random.shuffle(shuffled)
    assert split(dict(shuffled), count) == split(weights, count)


@given(WEIGHTS, st.integers(1, 12))
def test_no_shard_is_much_longer_than_the_best_split_could_be(
    weights: dict[str, int], count: int
) -> None:
    longest = max(loads(weights, split(weights, count), count))
    # Graham's bound for the longest first: no split is shorter than the mean or the longest.
    assert longest <= sum(weights.values()) / count + max(weights.values(), default=0)


@given(st.sets(NAMES, max_size=40), st.integers(1, 12))
def test_equal_weights_are_split_evenly(names: set[str], count: int) -> None:
    shards = split(dict.fromkeys(names, 7), count)
    sizes = [Counter(shards.values())[n + 1] for n in range(count)]
    assert max(sizes) - min(sizes) <= 1


def test_the_longest_flow_has_a_shard_of_its_own() -> None:
    weights = {"long": 100} | {f"short{n}": 10 for n in range(10)}
    shards = split(weights, 2)
    assert [name for name in weights if shards[name] == shards["long"]] == ["long"]


def test_most_flows_stay_where_they_are_when_another_is_added() -> None:
    before = {f"flows/f{n}.py::F{n}": 1000 for n in range(200)}
    shards, others = split(before, 4), split(before | {"flows/new.py::New": 1000}, 4)
    assert sum(shards[name] != others[name] for name in before) <= 10


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([], [["a"], ["b"], ["c"], ["d"]]),
        ([("b", "a")], [["a", "b"], ["c"], ["d"]]),
        ([("b", "a"), ("c", "b")], [["a", "b", "c"], ["d"]]),
        ([("a", "other"), ("d", "other")], [["a", "d"], ["b"], ["c"]]),
        ([("a", "b"), ("b", "a")], [["a", "b"], ["c"], ["d"]]),
    ],
)
def test_linked_names_are_a_chain(links: list[tuple[str, str]], expected: list[list[str]]) -> None:
    assert sorted(map(sorted, chains("dcba", links))) == expected
