"""Measure `--flow-repro-changed-since` on a repository of many flows.

Random edits are compared with what each flow really depends on (`tests/support/monorepo.py`): the
number of affected flows that were missed, which must be 0, of those that are checked without need,
and the time for one selection.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parent.parent / "pytest_flowrepro" / "in_venv"))
from monorepo import Editor, dependencies, jobs_of, make_monorepo

from pytest_flowrepro.pipeline import ChangedSince, changes_since


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=200)
    parser.add_argument("--edits", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), flows=args.flows, edits=args.edits, seed=args.seed)


def measure(root: Path, *, flows: int, edits: int, seed: int) -> None:
    sources = make_monorepo(root, flows)
    before = {flow.name: dependencies(root, flow) for flow in sources}
    editor = Editor(root=root, random=random.Random(seed))  # noqa: S311  no secret
    seconds, missed, affected, selected = [], 0, 0, 0
    for number in range(edits):
        what = editor.edit()
        there = [flow for flow in sources if flow.file.is_file()]
        differing = {f.name for f in there if dependencies(root, f) != before[f.name]}
        jobs = jobs_of(root, sources)
        began = time.perf_counter()
        since = ChangedSince(changes=changes_since("HEAD", root))
        chosen = {job.flow.name for job in jobs if since.reason(job) is not None}
        seconds.append(time.perf_counter() - began)
        if lost := differing - chosen:
            print(f"edit {number} misses {sorted(lost)}: {what}")
        missed += len(differing - chosen)
        affected += len(differing)
        selected += len(chosen)
        editor.undo()
    print(f"{edits:,} edits of {flows} flows, seed {seed}")
    print(f"missed: {missed}")
    print(f"affected: {affected:,} ({affected / edits / flows:.1%} of the flows)")
    print(f"selected: {selected:,}, {(selected - affected) / max(selected, 1):.1%} without need")
    most = max(seconds)
    print(f"a selection: {statistics.median(seconds):.2f} s (median), {most:.2f} s at most")


if __name__ == "__main__":
    main()
