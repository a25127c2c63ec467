"""The places of a flow's steps in a drawing of its graph, from left to right. Pure.

Layers by the longest path, order by depth-first search, heights by the mean of the neighbours: the
method of Sugiyama, without the search for fewer crossings. Metaflow's splits and joins nest, so
no edges cross in the order of the search (docs/contributing/decisions/0008-html-report.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_flowrepro.model import GraphStep

Point = tuple[str, int]
"""A step and its layer; in the layers that an edge passes, the edge's target stands for it."""

_SWEEPS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """An arrow between two steps."""

    start: str
    end: str
    rows: tuple[float, ...]
    """The row in each layer from `start` to `end`; empty for an edge back to an earlier step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    layers: Mapping[str, int]
    """The layer of each step, from 0."""
    rows: Mapping[str, float]
    """The row of each step: at least 0, and at least 1 apart in one layer."""
    edges: tuple[Edge, ...]
    in_foreach: frozenset[str]
    """The steps that run once for each item of a foreach."""


def place_steps(graph: Sequence[GraphStep]) -> Layout:
    """Return the places of steps, which are in topological order but for loops of a switch."""
    position = {step.name: number for number, step in enumerate(graph)}
    pairs = [
        (step.name, target)
        for step in graph
        for target in dict.fromkeys(step.next)
        if target in position
    ]
    forward = [(start, end) for start, end in pairs if position[start] < position[end]]
    layers = dict.fromkeys(position, 0)
    for start, end in forward:
        layers[end] = max(layers[end], layers[start] + 1)
    chains = {pair: _chain(*pair, layers) for pair in forward}
    rows = _rows(_ordered(position, layers, chains), chains.values())
    return Layout(
        layers=layers,
        rows={name: rows[name, layers[name]] for name in position},
        edges=tuple(
            Edge(start=start, end=end, rows=tuple(rows[p] for p in chains.get((start, end), ())))
            for start, end in pairs
        ),
        in_foreach=_in_foreach(graph, forward),
    )


def _chain(start: str, end: str, layers: Mapping[str, int]) -> tuple[Point, ...]:
    """Return the points of an edge; edges that skip layers towards the same step share them."""
    return ((start, layers[start]), *((end, n) for n in range(layers[start] + 1, layers[end] + 1)))


def _ordered(
    position: Iterable[str],
    layers: Mapping[str, int],
    chains: Mapping[tuple[str, str], tuple[Point, ...]],
) -> list[list[Point]]:
    """Return the points of each layer, from top to bottom, as a depth-first search meets them."""
    following: dict[Point, list[Point]] = {}
    for chain in chains.values():
        for here, there in pairwise(chain):
            following.setdefault(here, []).append(there)
    ordered: list[list[Point]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    met: set[Point] = set()
    waiting = [(name, layers[name]) for name in position][::-1]
    while waiting:
        point = waiting.pop()
        if point not in met:
            met.add(point)
            ordered[point[1]].append(point)
            waiting += following.get(point, [])[::-1]
    return ordered


def _rows(
    ordered: Sequence[Sequence[Point]], chains: Iterable[tuple[Point, ...]]
) -> dict[Point, float]:
    before: dict[Point, list[Point]] = {}
    after: dict[Point, list[Point]] = {}
    for chain in chains:
        for here, there in pairwise(chain):
            after.setdefault(here, []).append(there)
            before.setdefault(there, []).append(here)
    rows = {point: float(row) for layer in ordered for row, point in enumerate(layer)}
    for sweep in range(_SWEEPS):
        # The last sweep is forward: a step is in the middle of those before it.
        is_forward = sweep % 2 == 1
        neighbours = before if is_forward else after
        for layer in ordered if is_forward else ordered[::-1]:
            wanted = [_mean([rows[n] for n in neighbours.get(p, [p])]) for p in layer]
            rows.update(zip(layer, _apart(wanted), strict=True))
    top = min(rows.values(), default=0.0)
    return {point: row - top for point, row in rows.items()}


def _apart(wanted: Sequence[float]) -> list[float]:
    """Return the rows nearest to `wanted`, by least squares, that are 1 apart in the same order.

    Minus its number, each row is to be at least the one above: an isotonic regression, by the
    algorithm that pools adjacent violators.
    """
    pools: list[list[float]] = []
    for number, row in enumerate(wanted):
        pools.append([row - number])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            below = pools.pop()
            pools[-1] += below
    means = [_mean(pool) for pool in pools for _ in pool]
    return [mean + number for number, mean in enumerate(means)]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _in_foreach(graph: Sequence[GraphStep], forward: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the steps between a foreach and its join: a join ends the last split that is open."""
    types = {step.name: step.type for step in graph}
    is_open: dict[str, tuple[str, ...]] = dict.fromkeys(types, ())
    for start, end in forward:
        splits = is_open[start]
        if types[start] in {"split", "foreach"}:
            splits = (*splits, types[start])
        is_open[end] = splits[:-1] if types[end] == "join" else splits
    return frozenset(name for name, splits in is_open.items() if "foreach" in splits)
