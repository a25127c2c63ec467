"""The split of flows into shards of about equal time. Pure: the same input gives the same split."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def split_chains(
    weights: Mapping[str, int], links: Iterable[tuple[str, str]], count: int
) -> dict[str, int]:
    """Return the shard of each name by its weight; linked names are in the same one."""
    groups = {min(group): group for group in chains(weights, links)}
    totals = {first: sum(weights[name] for name in group) for first, group in groups.items()}
    shards = split(totals, count)
    return {name: shards[first] for first, group in groups.items() for name in group}


def split(weights: Mapping[str, int], count: int) -> dict[str, int]:
    """Return the shard, from 1 to `count`, of each name by its weight.

    No shard gets longer than if the longest went first into the shortest shard (Graham's LPT rule:
    at most 4/3 of the best split). Within that, each name goes into the shard that its digest
    prefers, so that most names stay in their shard when others are added. Weights are whole
    numbers: sums of floats would depend on the order.
    """
    order = sorted(weights, key=lambda name: (-weights[name], _digest(name), name))

    def place(choose: Callable[[str, list[int]], int]) -> tuple[dict[str, int], list[int]]:
        loads, shards = [0] * count, {}
        for name in order:
            shard = choose(name, loads)
            loads[shard] += weights[name]
            shards[name] = shard + 1
        return shards, loads

    by_length, lengths = place(lambda _, loads: loads.index(min(loads)))
    limit = max(lengths)

    def preferred(name: str, loads: list[int]) -> int:
        after = [load + weights[name] for load in loads]
        # Up to the lengths above first: of equal names each shard then gets an equal number.
        within = [n for n in range(count) if after[n] <= lengths[n]]
        within = within or [n for n in range(count) if after[n] <= limit]
        return max(within or range(count), key=lambda n: _digest(f"{n} {name}"))

    by_digest, loads = place(preferred)
    return by_digest if max(loads) <= limit else by_length


def chains(names: Iterable[str], links: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the names in groups of those that links connect, also by a name that is not given."""
    group_of: dict[str, list[str]] = {name: [name] for name in names}
    given = set(group_of)
    for first, second in links:
        group, other = (group_of.setdefault(name, [name]) for name in (first, second))
        if group is not other:
            group += other
            group_of |= dict.fromkeys(other, group)
    groups = {id(group): group for group in group_of.values()}.values()
    kept = ([name for name in group if name in given] for group in groups)
    return [group for group in kept if group]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
