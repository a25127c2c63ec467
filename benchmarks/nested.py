"""Compare explanations by deepdiff with the project's own walk: `benchmarks/nested.py`.

Each row times, in turn, the explanation of two plain values by the walk alone, as it is with the
limit of `diff/values/nested.py`, and by deepdiff without a limit. `most` is what the limit lets an
explanation take longer, over all rows. The first explanation also imports deepdiff: that is timed
in an interpreter of its own. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parent.parent / "pytest_flowrepro" / "in_venv"))
from stored_values import artifact

from pytest_flowrepro.diff import Limits, compare
from pytest_flowrepro.diff.values import nested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_flowrepro.model import Artifact

ROOM = 1 << 30
"""Characters of a readable form: nothing is cut."""

NEVER, ALWAYS = 0, 1 << 60
"""Limits: of the walk alone, and of deepdiff alone."""


@dataclass(frozen=True)
class Case:
    title: str
    old: Any
    new: Any


def cases(size: int) -> Iterator[Case]:
    """Yield pairs of values of about `size` nodes each."""
    keys = [f"key {n}" for n in range(size)]
    flat = {key: f"value {n}" for n, key in enumerate(keys)}
    yield Case("dict, all changed", flat, {key: f"{value}!" for key, value in flat.items()})
    yield Case("dict, one changed", flat, {**flat, keys[size // 2]: "other"})
    yield Case("dict, other keys", flat, {f"new {key}": value for key, value in flat.items()})
    records = [{"id": n, "name": f"n{n}", "on": True, "at": n / 7} for n in range(size // 5)]
    yield Case("records, one key of each", records, [{**r, "at": r["id"]} for r in records])
    yield Case("records, one inserted", records, [*records[:2], {"id": -1}, *records[2:]])
    texts = [*flat.values()]
    yield Case("list, all changed", texts, [*flat])
    yield Case("list, one of ten left out", texts, [t for n, t in enumerate(texts) if n % 10])
    labels = [n * n % 7 % 2 for n in range(size)]
    yield Case("labels, one of ten left out", labels, [x for n, x in enumerate(labels) if n % 10])
    yield Case("floats, all changed", [n / 7 for n in range(size)], [n / 8 for n in range(size)])
    yield Case("set, half of it new", {*texts}, {*texts[::2], *keys[::2]})
    pairs = [*zip(keys, range(size), strict=True)][: size // 3]
    yield Case("tuples, all changed", pairs, [(key, n + 1) for key, n in pairs])
    yield Case("texts of 10 kB, all changed", _long(size, "a"), _long(size, "b"))
    deep_old, deep_new = (_deep(min(size, 30), size // 30, leaf) for leaf in ("a", "b"))
    yield Case("30 levels of dicts, all changed", deep_old, deep_new)


def _long(size: int, letter: str) -> list[str]:
    return [f"{n} {letter}" + "x" * 10_000 for n in range(size // 20)]


def _deep(levels: int, width: int, leaf: str) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"inner": value, **{f"key {n}": leaf for n in range(width)}}
    return value


def seconds(old: Artifact, new: Artifact, limit: int) -> float:
    nested.LIMIT = limit
    started = time.perf_counter()
    compare(old, new, limits=Limits())
    return time.perf_counter() - started


def importing() -> float:
    code = "import time; t = time.perf_counter(); import deepdiff; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def median(call: Callable[[], float], runs: int) -> float:
    return statistics.median(call() for _ in range(runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each (default: 5)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 300, 1_000, 3_000, 10_000])
    options = parser.parse_args()
    limits = (NEVER, nested.LIMIT, ALWAYS)
    imported = median(importing, options.runs)
    print(f"milliseconds: median of {options.runs} runs; Python {sys.version.split()[0]}, ")
    print(f"{os.cpu_count()} cores; a limit of {limits[1]:,}; ")
    print(f"importing deepdiff, once in a process: {imported * 1e3:.0f}\n")
    print(f"  {'':<32} {'nodes':>7} {'walk':>8} {'as it is':>9} {'deepdiff':>9}")
    most = 0.0
    for size in options.sizes:
        for case in cases(size):
            old, new = artifact(case.old, ROOM), artifact(case.new, ROOM)
            seconds(old, new, ALWAYS)
            rounds = [[seconds(old, new, limit) for limit in limits] for _ in range(options.runs)]
            times = [statistics.median(column) * 1e3 for column in zip(*rounds, strict=True)]
            most = max(most, times[1] - times[0])
            print(f"  {case.title:<32} {size:>7,} {times[0]:8.1f} {times[1]:9.1f} {times[2]:9.1f}")
    print(f"\nmost: {most:.1f}")


if __name__ == "__main__":
    main()
