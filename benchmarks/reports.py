"""The time to render a report of many flows, and its size: `python benchmarks/reports.py`.

Every flow drifted: in a foreach of twenty tasks, after ten packages moved. The figures are for
reading; nothing here passes or fails.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from pytest_flowrepro.model import Cause, Change, FlowReport, GraphStep, Report
from pytest_flowrepro.report import FORMATS
from pytest_flowrepro.report.run_info import run_info

FLOWS = (300, 500)
RUNS = 5

PACKAGES = tuple(
    Change(
        kind="package",
        change="changed",
        name=f"package-{number}",
        old=f"{number}.1.0",
        new=f"{number}.2.0",
        gated=True,
        environment="base",
        via=("pandas",),
        link="https://pypi.org/",
    )
    for number in range(10)
)
STEPS = ("start", "train", "join", "end")


def report(flows: int) -> Report:
    run = run_info(Path.cwd(), "check")
    return Report(flows=tuple(map(drifted, range(flows))), run=run)


def drifted(number: int) -> FlowReport:
    scores = (
        Change(
            kind="artifact",
            change="changed",
            name="score",
            old=f"0.{number}",
            new=f"1.{number}",
            gated=True,
            step="train",
            index=(task,),
            tasks=(1, 20),
            origin="first",
            cause="environment",
            explanation=(f"['auc'][{task}]: 0.{number} -> 1.{number}",) * 3,
        )
        for task in range(20)
    )
    return FlowReport(
        file=f"flows/train_{number}.py",
        flow=f"Train{number}Flow",
        case=None,
        verdict="drifted",
        seconds=(("rerun", 3.1),),
        changes=(*PACKAGES, *scores),
        causes=(Cause(kind="environment", text="10 packages changed", steps=("train",)),),
        selected=("code", "environment"),
        tests=6,
        graph=tuple(
            GraphStep(name=name, type="linear", next=STEPS[i + 1 : i + 2], state="unchanged")
            for i, name in enumerate(STEPS)
        ),
    )


def main() -> None:
    for flows in FLOWS:
        of_flows = report(flows)
        for form, render in FORMATS.items():
            for details in (False, True):
                times = []
                for _ in range(RUNS):
                    started = time.perf_counter()
                    text = render(of_flows, details=details)
                    times.append(time.perf_counter() - started)
                size = len(text.encode())
                shown = "all" if details else "   "
                median = statistics.median(times)
                print(f"{flows} flows  {form:<4}  {shown}  {size:>11,} bytes  {median:7.3f} s")


if __name__ == "__main__":
    main()
