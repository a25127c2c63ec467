"""Show the use of the canonical form of sets in cycles: `python benchmarks/cyclic.py`.

The same values are made and pickled in several processes, with a change in one place or without,
and digested as an artifact is, by four forms: none ("off": the bytes of the pickle are compared,
as for anything opaque), colour refinement alone ("refine": opaque where it leaves two objects
alike), the search without its split into independent parts ("search"), and the form that is in use
("full"). A cell of the table says how a check of that value ends:

    yes     two processes agree on the value, and the change is seen
    blind   they do not agree: a recording marks the artifact as nondeterministic, and it is never
            gated; a recording of one run would drift in each check
    MISS    they agree, and the change is not seen
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

IN_VENV = Path(__file__).resolve().parents[1] / "pytest_flowrepro/in_venv"
sys.path.insert(0, str(IN_VENV))

from _flowrepro.canonical import encoder, graph  # noqa: E402  found below IN_VENV

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PROCESSES = 3


class Thing:
    """An object that refers to others by a set, and is hashed by its address."""

    def __init__(self, name: object = None) -> None:
        self.name = name
        self.parent: Thing | None = None
        self.others: set[Thing] = set()


def web(edges: Iterable[tuple[int, int]], names: list[object]) -> list[Thing]:
    """Return things that refer to each other along undirected edges."""
    things = [Thing(name) for name in names]
    for one, other in edges:
        things[one].others.add(things[other])
        things[other].others.add(things[one])
    return things


def clique(size: int) -> list[tuple[int, int]]:
    return [(one, other) for one in range(size) for other in range(one)]


def grid(side: int) -> Iterator[tuple[int, int]]:
    for row, column in product(range(side), repeat=2):
        if column + 1 < side:
            yield row * side + column, row * side + column + 1
        if row + 1 < side:
            yield row * side + column, (row + 1) * side + column


def tree(size: int) -> list[Thing]:
    """Return a tree of three children each, with links to the parents."""
    things = [Thing(number) for number in range(size)]
    for number in range(1, size):
        parent = things[(number - 1) // 3]
        things[number].parent = parent
        parent.others.add(things[number])
    return things


def servers() -> list[Thing]:
    """Return ten servers that know each other, and their clients, eight of each and all alike."""
    clients = [(10 + number, number % 10) for number in range(80)]
    return web([*clique(10), *clients], [*range(10), *[None] * 80])


def models() -> list[Thing]:
    """Return authors, books and tags, each with the set of its counterparts, as an ORM has them."""
    kinds = ["author"] * 20 + ["book"] * 60 + ["tag"] * 8
    names = [f"{kind} {number}" for number, kind in enumerate(kinds)]
    edges = [(book % 20, 20 + book) for book in range(60)]
    edges += [(20 + book, 80 + tag) for book in range(60) for tag in {book % 8, book * 3 % 8}]
    return web(edges, [*names])


def cubic(size: int) -> list[tuple[int, int]]:
    """Return a graph in which each node has three neighbours, and no two are alike."""
    draw = random.Random(1)  # noqa: S311  the same in each process
    while True:
        ends = [number for number in range(size) for _ in range(3)]
        draw.shuffle(ends)
        pairs = list(zip(ends[::2], ends[1::2], strict=True))
        if len({frozenset(pair) for pair in pairs}) == len(pairs) and all(a != b for a, b in pairs):
            return pairs


VALUES: dict[str, Callable[[], list[Thing]]] = {
    "6 friends, named": lambda: web(clique(6), [*range(6)]),
    "7 friends, named": lambda: web(clique(7), [*range(7)]),
    "7 friends, nameless": lambda: web(clique(7), [None] * 7),
    "30 friends, named": lambda: web(clique(30), [*range(30)]),
    "authors, books, tags": models,
    "grid of 6 x 6, named": lambda: web(grid(6), [*range(36)]),
    "grid of 6 x 6, nameless": lambda: web(grid(6), [None] * 36),
    "cubic graph of 30, nameless": lambda: web(cubic(30), [None] * 30),
    "servers, nameless clients": servers,
    "tree of 60, named": lambda: tree(60),
}


def change(things: list[Thing]) -> None:
    """Take one reference away."""
    thing = next(thing for thing in reversed(things) if thing.others)
    thing.others.remove(max(thing.others, key=things.index))


def refuse(*_: Any) -> Any:
    raise graph.GraphLimitError


def in_one_part(_: object, cells: dict[bytes, list[int]]) -> list[list[int]]:
    left = [number for cell in cells.values() if len(cell) > 1 for number in cell]
    return [left] if left else []


COMPONENT: Any = graph.Component
FORMS: dict[str, tuple[Any, str, Any]] = {
    "off": (encoder, "graph_form", refuse),
    "refine": (COMPONENT, "_search", refuse),
    "search": (COMPONENT, "_independent_parts", in_one_part),
    "full": (graph, "MAX_WORK", graph.MAX_WORK),
}


def digest(data: bytes, form: str) -> str:
    """Return the digest of a pickled value, with one of the forms in use."""
    owner, name, variant = FORMS[form]
    usual = getattr(owner, name)
    setattr(owner, name, variant)
    try:
        return encoder.digest(pickle.loads(data))  # noqa: S301  made here
    except graph.GraphLimitError:
        return "opaque:" + hashlib.sha256(data).hexdigest()
    finally:
        setattr(owner, name, usual)


def observe() -> dict[str, Any]:
    """Return, for each value, its digests by each form, with and without a change."""
    found: dict[str, Any] = {}
    for value, make in VALUES.items():
        usual, changed = make(), make()
        change(changed)
        data = [pickle.dumps(set(things), 4) for things in (usual, changed)]
        found[value] = {}
        for form in FORMS:
            start = time.perf_counter()
            digests = [digest(one, form) for one in data]
            found[value][form] = [*digests, (time.perf_counter() - start) / 2]
    return found


def outcome(runs: list[Any]) -> str:
    usual, changed = {run[0] for run in runs}, {run[1] for run in runs}
    word = "blind" if len(usual) > 1 else "MISS" if usual & changed else "yes"
    return f"{word} {min(run[2] for run in runs) * 1000:.1f} ms"


def main() -> None:
    if sys.argv[1:] == ["observe"]:
        print(json.dumps(observe()))
        return
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "observe"],
                env={**os.environ, "PYTHONHASHSEED": str(seed)},
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
        for seed in range(PROCESSES)
    ]
    print(f"{'':30}" + "".join(f"{form:18}" for form in FORMS))
    for value in VALUES:
        cells = [outcome([run[value][form] for run in runs]) for form in FORMS]
        print(f"{value:30}" + "".join(f"{cell:18}" for cell in cells))


if __name__ == "__main__":
    main()
