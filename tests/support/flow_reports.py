"""Reports for the tests of the report formats, and values that would do harm if they could."""

from __future__ import annotations

from dataclasses import replace

from pytest_flowrepro.model import (
    Bars,
    Card,
    Cause,
    CellRow,
    Cells,
    Change,
    FlowReport,
    GraphStep,
    Histogram,
    Images,
    LinePair,
    Lines,
    Obsolete,
    Picture,
    Report,
    RunInfo,
    Shard,
    SplitFlow,
)

SCORE = Change(
    kind="artifact",
    change="changed",
    step="train",
    index=(0, 3),
    name="score",
    old="0.91",
    new="0.93",
    gated=True,
    explanation=("['auc'][3]: 0.91 -> 0.93",),
)
NUMPY = Change(
    kind="package",
    change="changed",
    environment="base",
    name="numpy",
    old="2.4.5",
    new="2.4.6",
    gated=True,
)
CODE = Change(kind="code", change="changed", name="train.py", old=None, new=None, gated=False)

DRIFTED = FlowReport(
    file="flows/train.py",
    flow="TrainFlow",
    case="small",
    verdict="drifted",
    seconds=(("lock", 0.1), ("environment", 0.64), ("rerun", 3.1)),
    changes=(SCORE, NUMPY, CODE),
    causes=(
        Cause(kind="environment", text="1 package changed: numpy 2.4.5 -> 2.4.6", steps=("train",)),
    ),
    nondeterministic=2,
    notes=("@kubernetes ran locally",),
    after=("flows/ingest.py::IngestFlow",),
    selected=("code", "environment", "step[start]", "step[train]", "step[end]"),
    tests=5,
    graph=(
        GraphStep(name="start", type="start", next=("train",), state="unchanged"),
        GraphStep(name="train", type="linear", next=("end",), state="origin"),
        GraphStep(name="end", type="end", next=(), state="downstream"),
    ),
    cards=(Card(step="train", index=(0,), type="blank", id="sums", state="failed"),),
)
REPRODUCED = FlowReport(
    file="flows/hello.py",
    flow="HelloFlow",
    case=None,
    verdict="reproduced",
    seconds=(("rerun", 1.0),),
    changes=(),
)
FAILED = FlowReport(
    file="flows/bad.py",
    flow="BadFlow",
    case=None,
    verdict="error",
    seconds=(),
    changes=(),
    error="manifest.json: is empty\nWhat to do: record the flow again",
)

RUN = RunInfo(
    command="check",
    version="1.2.3",
    date="2026-11-29T15:30:50Z",
    platform="Linux-6.1.0-x86_64-with-glibc2.36",
    python="CPython 3.11.7",
    commit="0123456789abcdef0123456789abcdef01234567",
    branch="main",
    is_modified=True,
    resolution="locked",
    selection=("flows", "-k train"),
)


def report_of(*flows: FlowReport) -> Report:
    return Report(flows=flows, run=RUN)


SHARDED = replace(
    report_of(DRIFTED),
    shard=Shard(
        number=2,
        count=3,
        flows=(
            SplitFlow(file="flows/bad.py", flow="BadFlow", case=None, shard=1),
            SplitFlow(file="flows/train.py", flow="TrainFlow", case="small", shard=2),
        ),
        obsolete=(Obsolete(folder="flows/__flowrepro__/old/OldFlow", reason="no old.py"),),
        unused_patterns=("ignore: *.elapsed",),
    ),
)
"""The report of a shard."""

ATTACKS = (
    "\x1b[31mred\x1b[0m \x9b2J",
    "::error file=x.py,line=1::pwned",
    "  ::set-output name=x::y",
    "fine ##[command]rm ##vso[task.setvariable]x ##teamcity[x]",
    "two\nlines\r\n::warning::pwned",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</code></pre></details></td></style><b>out</b>",
    "[link](https://evil.example) ![img](https://evil.example/x.png)",
    "https://evil.example www.evil.example a@b.example @octocat #1",
    "`code` ``two`` ``` three ```",
    "` <b>out</b> `",
    "````\n```\n<b>out</b>\n`````\n<b>out</b>",
    "cell | cell \\| cell \\\\| <b>out</b>",
    "# heading\n\n- item\n\n<!-- comment",
    "&lt;b&gt; &amp; &#60;",
    "{counts} {} %s $x",
    "txt.\u202eexe \ud800 \x00",
)


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
"""The header of a PNG file with one pixel, in base64."""


def hostile_pictures(text: str) -> tuple[Picture, ...]:
    """Return a picture of each kind all of whose texts are `text`."""
    pair = LinePair(old_number=1, old=text, new_number=None, new=None)
    row = CellRow(label=text, cells=((text, text), None))
    return (
        Images(old=PIXEL, new=PIXEL),
        Histogram(place=text, start=0.0, width=1.0, old=(1,), new=(2,)),
        Bars(place=text, labels=(text, text), old=(1.0, None), new=(2.0, 3.0)),
        Cells(place=text, columns=(text, text), rows=(row,), left_out=1),
        Lines(place=text, pairs=(pair,), left_out=1),
    )


def hostile(text: str) -> Report:
    """A report all of whose values are `text`."""
    change = Change(
        kind="artifact",
        change="changed",
        environment=text,
        step=text,
        index=(1,),
        name=text,
        old=text,
        new=text,
        gated=True,
        explanation=(text,),
        pictures=hostile_pictures(text),
    )
    package = Change(
        kind="package",
        change="added",
        environment=text,
        name=text,
        old=None,
        new=text,
        gated=False,
        via=(text,),
        link=f"https://x.example/{text}",
    )
    policy = Change(
        kind="policy",
        change="added",
        name=text,
        setting=text,
        old=None,
        new=text,
        gated=True,
        weakens=True,
    )
    flow = FlowReport(
        file=text,
        flow=text,
        case=text,
        verdict="error",
        seconds=(("rerun", 1.0),),
        changes=(change, package, policy),
        causes=(Cause(kind="unexplained", text=text, steps=(text,)),),
        notes=(text,),
        error=text,
        graph=(GraphStep(name=text, type=text, next=(text,), state="failed"),),
    )
    run = replace(RUN, branch=text, selection=(text,))
    return Report(
        flows=(flow,),
        run=run,
        obsolete=(Obsolete(folder=text, reason=text),),
        unused_patterns=(text,),
    )
