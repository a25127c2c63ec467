"""What explaining a difference costs, side by side: `python benchmarks/values.py`.

Each row times, in turn, the explanation of two stored values, the reading of their files alone,
which is part of it, and numpy's or pandas' own testing function on the same values in memory; and
deepdiff, once and for no longer than the limit. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parent.parent / "pytest_flowrepro" / "in_venv"))
from stored_values import stored

from pytest_flowrepro.diff import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.model import Artifact


@dataclass(frozen=True)
class Case:
    title: str
    old: Any
    new: Any
    theirs: Callable[[Any, Any], object]
    """The testing function of the library; it raises, with a message, when they differ."""


def cases() -> list[Case]:
    random = np.random.default_rng(0)
    floats = random.random(1_000_000)
    grid = random.random((1_000, 1_000))
    changed = grid.copy()
    changed[500, 500] += 1e-3
    integers = random.integers(0, 1 << 40, 20_000).tolist()
    fewer = [n for i, n in enumerate(integers) if i % 100]
    frame = pd.DataFrame(
        {
            "a": random.random(200_000),
            "b": random.integers(0, 100, 200_000),
            "c": random.random(200_000),
            "d": [f"row {n}" for n in range(200_000)],
        }
    )
    other = frame.copy()
    for n in range(10):
        other.loc[n * 19_000, ["a", "b", "c", "d"][n % 4]] = "x" if n % 4 == 3 else 7
    allclose = np.testing.assert_allclose
    return [
        Case(
            "1,000,000 floats in a list, all changed",
            floats.tolist(),
            (floats * 2).tolist(),
            allclose,
        ),
        Case("1,000,000 floats in an array, all changed", floats, floats * 2, allclose),
        Case("array of 1,000 x 1,000, one changed", grid, changed, allclose),
        Case("20,000 ints, 200 deleted", integers, fewer, np.testing.assert_array_equal),
        Case("frame of 200,000 x 4, 10 cells changed", frame, other, pd.testing.assert_frame_equal),
    ]


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def read(*artifacts: Artifact) -> None:
    for artifact in artifacts:
        assert artifact.stored is not None
        with zipfile.ZipFile(artifact.stored) as archive:
            for name in archive.namelist():
                archive.read(name)


def raises(case: Case) -> None:
    try:
        case.theirs(case.old, case.new)
    except AssertionError as error:
        str(error)


def deepdiff(case: Case, limit: float) -> str:
    """Return the seconds that it takes, in a process of its own that is stopped at the limit."""
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=_deepdiff, args=(case,))
    started = time.perf_counter()
    worker.start()
    worker.join(limit)
    spent = time.perf_counter() - started
    if worker.is_alive():
        worker.kill()
        worker.join()
        return f"> {limit:.0f}"
    return f"{spent:.2f}" if worker.exitcode == 0 else "failed"


def _deepdiff(case: Case) -> None:
    from deepdiff import DeepDiff  # noqa: PLC0415  in the process that is stopped

    str(DeepDiff(case.old, case.new))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of ours and theirs (default: 5)")
    parser.add_argument("--limit", type=float, default=60, help="of deepdiff, in seconds")
    options = parser.parse_args()
    print(f"seconds: median of {options.runs} runs; Python {sys.version.split()[0]}, ")
    print(f"{os.cpu_count()} cores\n")
    print(f"  {'':<44} {'ours':>7} {'reading':>8} {'numpy/pandas':>13} {'deepdiff':>9}")
    with tempfile.TemporaryDirectory(prefix="flowrepro-benchmark-") as name:
        for number, case in enumerate(cases()):
            old = stored(case.old, Path(name), f"{number}-old")
            new = stored(case.new, Path(name), f"{number}-new")
            lines = compare(old, new).lines
            calls = (partial(compare, old, new), partial(read, old, new), partial(raises, case))
            times = [[seconds(call) for call in calls] for _ in range(options.runs)]
            ours, reading, theirs = (
                statistics.median(column) for column in zip(*times, strict=True)
            )
            plain = deepdiff(case, options.limit)
            print(f"  {case.title:<44} {ours:7.3f} {reading:8.3f} {theirs:13.3f} {plain:>9}")
            for line in lines[:3]:
                print(f"      {line}")


if __name__ == "__main__":
    main()
