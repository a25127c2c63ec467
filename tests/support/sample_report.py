"""A report with one flow of each kind, and reports of many flows, for tests and pictures of it."""

from __future__ import annotations

from dataclasses import replace

from flow_reports import RUN
from sample_pictures import BARS, CELLS, HISTOGRAM, IMAGES, LINES

from pytest_flowrepro.model import (
    Cause,
    Change,
    FlowReport,
    GraphStep,
    Obsolete,
    Report,
    Uncollected,
)

NUMPY = Cause(
    kind="environment",
    text="2 packages changed: numpy 2.4.5 -> 2.4.6, pandas 2.3.3 -> 3.0.0",
)

PACKAGES = tuple(
    Change(
        kind="package",
        change="changed" if old and new else "added" if new else "removed",
        environment="base",
        name=name,
        old=old,
        new=new,
        gated=True,
        via=via,
        link="https://pandas.pydata.org/docs/whatsnew/" if name == "pandas" else None,
    )
    for name, old, new, via in (
        ("numpy", "2.4.5", "2.4.6", ("pandas",)),
        ("pandas", "2.3.3", "3.0.0", ()),
        ("pytz", "2025.2", None, ("pandas",)),
    )
)


def artifact(step: str, name: str, old: str, new: str, *explanation: str) -> Change:
    return Change(
        kind="artifact",
        change="changed",
        step=step,
        index=(),
        name=name,
        old=old,
        new=new,
        gated=True,
        explanation=explanation,
        origin="first",
    )


TRAIN = FlowReport(
    file="flows/train.py",
    flow="TrainFlow",
    case="small",
    verdict="drifted",
    seconds=(("package", 0.2), ("environment", 1.4), ("rerun", 9.3), ("capture", 0.8)),
    changes=(
        Change(
            kind="policy",
            change="added",
            name="*.elapsed",
            old=None,
            new="ignored",
            gated=True,
            setting="ignore",
            weakens=True,
        ),
        Change(
            kind="code",
            change="changed",
            name="train.py",
            old="391ab3cc79a4",
            new="089c1fdb9e87",
            gated=False,
            loaded=True,
        ),
        *(
            Change(
                kind="code",
                change="changed",
                name=f"notebooks/explore_{n}.py",
                old=f"{n}1ab3cc79a4f",
                new=f"{n}9c1fdb9e870",
                gated=False,
                loaded=False,
            )
            for n in range(6)
        ),
        *PACKAGES,
        replace(
            artifact(
                "start",
                "frame",
                "DataFrame, 10,000 rows, 12 columns",
                "DataFrame, 10,000 rows, 12 columns",
                "column 'price': float64 -> float32",
                "column 'day': 31 of 10,000 cells differ, "
                "first in row 214: 2026-03-29 -> 2026-03-30",
            ),
            pictures=(CELLS, HISTOGRAM),
        ),
        replace(
            artifact("start", "log", "dict, 2 items", "dict, 2 items", "['summary']: 6 -> 7 lines"),
            pictures=(LINES,),
        ),
        replace(
            artifact("train", "model", "LogisticRegression", "LogisticRegression"),
            pictures=(BARS,),
        ),
        replace(artifact("train", "curve", "Figure", "Figure"), pictures=(IMAGES,)),
        *(
            replace(
                artifact(
                    "train",
                    "score",
                    "{'region': 'north', 'auc': 0.7512}",
                    "{'region': 'north', 'auc': 0.7519}",
                    "['auc']: 0.7512 -> 0.7519 (by 0.0007, relative 0.00093)",
                ),
                index=(n,),
                origin="derived",
                tasks=(1, 8),
            )
            for n in range(5)
        ),
        replace(artifact("join", "best", "0.7512", "0.7519"), origin="derived"),
        replace(
            artifact("join", "curve", "ndarray float64 (256,)", "ndarray float64 (256,)"),
            origin="derived",
            gated=False,
            within="max 3.1e-9",
        ),
    ),
    causes=(
        replace(NUMPY, steps=("start",)),
        Cause(kind="code", text="code of step train changed", steps=("train",)),
    ),
    nondeterministic=1,
    notes=("@kubernetes ran locally",),
    selected=tuple("abcdefg"),
    tests=7,
    graph=(
        GraphStep(name="start", type="start", next=("prepare", "describe"), state="origin"),
        GraphStep(name="prepare", type="foreach", next=("train",), state="unchanged"),
        GraphStep(name="train", type="linear", next=("join",), state="downstream"),
        GraphStep(name="join", type="join", next=("merge",), state="downstream"),
        GraphStep(name="describe", type="linear", next=("merge",), state="unchanged"),
        GraphStep(name="merge", type="join", next=("publish",), state="downstream"),
        GraphStep(name="publish", type="linear", next=("end",), state="downstream"),
        GraphStep(name="end", type="end", next=(), state="unchanged"),
    ),
)

SCORE = FlowReport(
    file="flows/score.py",
    flow="ScoreFlow",
    case=None,
    verdict="drifted",
    seconds=(("environment", 1.1), ("rerun", 4.0)),
    changes=PACKAGES[:2],
    causes=(NUMPY,),
    graph=tuple(
        GraphStep(name=name, type=kind, next=then, state="unchanged")
        for name, kind, then in (
            ("start", "start", ("load",)),
            ("load", "linear", ("score",)),
            ("score", "linear", ("end",)),
            ("end", "end", ()),
        )
    ),
)

RETRY = FlowReport(
    file="flows/ingest/refresh_the_warehouse.py",
    flow="RefreshFlow",
    case=None,
    verdict="error",
    seconds=(("environment", 1.0), ("rerun", 2.0)),
    changes=(),
    error="The flow ended with exit code 1 in step poll\n"
    "    ConnectionRefusedError: [Errno 111] Connection refused\n"
    "What to do: give the flow its service, or replace the service in the test",
    graph=(
        GraphStep(name="start", type="start", next=("poll",), state="unchanged"),
        GraphStep(name="poll", type="split-switch", next=("poll", "load"), state="failed"),
        GraphStep(name="load", type="linear", next=("end",), state="not reached"),
        GraphStep(name="end", type="end", next=(), state="not reached"),
    ),
)

WIDE = replace(
    SCORE,
    flow="WideFlow",
    graph=(
        GraphStep(
            name="start", type="split", next=tuple(f"a{n:02}" for n in range(20)), state="origin"
        ),
        *(
            GraphStep(
                name=f"{branch}{n:02}",
                type="linear",
                next=(f"b{n:02}" if branch == "a" else "join",),
                state="downstream",
            )
            for branch in "ab"
            for n in range(20)
        ),
        GraphStep(name="join", type="join", next=("c00",), state="downstream"),
        *(
            GraphStep(
                name=f"c{n:02}",
                type="linear",
                next=(f"c{n + 1:02}" if n < 16 else "end",),
                state="unchanged",
            )
            for n in range(17)
        ),
        GraphStep(name="end", type="end", next=(), state="unchanged"),
    ),
)
"""A flow of 60 steps."""


def sample_report() -> Report:
    """Return a report with several verdicts, shapes of graphs and a cause that flows share."""
    calm = replace(SCORE, verdict="reproduced", changes=(), causes=(), selected=("code",), tests=1)
    flows = (
        RETRY,
        SCORE,
        TRAIN,
        replace(TRAIN, file="flows/new.py", flow="NewFlow", verdict="recorded", recorded="created"),
        replace(calm, file="flows/fresh.py", flow="FreshFlow", verdict="no baseline"),
        *(replace(calm, file=f"flows/daily/d{n}.py", flow=f"Daily{n}Flow") for n in range(9)),
    )
    return Report(
        flows=flows,
        run=RUN,
        obsolete=(
            Obsolete(
                folder="flows/__flowrepro__/old/OldFlow", reason="flows/old.py does not exist"
            ),
        ),
        unused_patterns=("ignore: *.elapsed_seconds",),
        uncollected=(
            Uncollected(
                file="flows/draft.py",
                error="flows/draft.py, line 7: not valid Python 3.11\nWhat to do: correct it",
            ),
        ),
    )


def report_of_many(number: int) -> Report:
    """Return a report of `number` flows, of which every third one drifted in the same way."""
    calm = replace(TRAIN, verdict="reproduced", changes=(), causes=())
    flows = tuple(
        replace(
            calm if n % 3 else TRAIN,
            file=f"flows/team_{n % 17}/flow_{n:03}.py",
            flow=f"Flow{n:03}",
            case=None,
        )
        for n in range(number)
    )
    return Report(flows=flows, run=RUN)
