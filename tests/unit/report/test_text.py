from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_reports import (
    ATTACKS,
    CODE,
    DRIFTED,
    FAILED,
    NUMPY,
    REPRODUCED,
    SCORE,
    hostile,
    report_of,
)

from pytest_flowrepro.report import changes_lines, render_text, summary_line
from pytest_flowrepro.report.text import sides

RECORDED = replace(REPRODUCED, verdict="recorded", recorded="created")

if TYPE_CHECKING:
    from pytest_flowrepro.model import Change, FlowReport


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (SCORE, "train[0, 3].score  changed: 0.91 -> 0.93"),
        (replace(SCORE, index=()), "train.score  changed: 0.91 -> 0.93"),
        (replace(SCORE, change="added", old=None, index=None), "train.score  added: 0.93"),
        (replace(SCORE, change="removed", new=None, index=None), "train.score  removed: 0.91"),
        (
            replace(SCORE, determinism="hash-seed"),
            "train[0, 3].score  changed: 0.91 -> 0.93   hash-seed",
        ),
        (
            replace(SCORE, gated=False, within="max 3.1e-9"),
            (
                "train[0, 3].score  changed: 0.91 -> 0.93   within tolerance (max 3.1e-9)"
                "   shown only"
            ),
        ),
        (
            replace(SCORE, change="unread"),
            "train[0, 3].score  could not be compared: 0.91 -> 0.93",
        ),
        (
            replace(SCORE, change="unread", new=SCORE.old),
            "train[0, 3].score  could not be compared: 0.91",
        ),
        (NUMPY, "numpy  changed: 2.4.5 -> 2.4.6   package of base"),
        (
            replace(NUMPY, name="six", new=None, change="removed", via=tuple("abcd")),
            "six  removed: 2.4.5   package of base   asked for by a, b, c and 1 more",
        ),
        (
            replace(NUMPY, kind="python", name="python", gated=False),
            "python  changed: 2.4.5 -> 2.4.6   interpreter of base   shown only",
        ),
        (
            replace(NUMPY, change="added", name="requirement six", old=None, new="six"),
            "requirement six  added: six   package of base",
        ),
        (
            replace(
                CODE, kind="policy", setting="include", name="a.csv", change="added", new="included"
            ),
            "policy include: a.csv  added: included   shown only",
        ),
        (CODE, "train.py  changed   code file   shown only"),
        (replace(CODE, kind="step", name="train"), "step train  changed   shown only"),
        (
            replace(CODE, kind="step", name="train", index=(0,), change="removed", old="a task"),
            "step train[0]  removed: a task   shown only",
        ),
        (
            replace(CODE, kind="parameter", name="alpha", old="1", new="2", gated=True),
            "parameter alpha  changed: 1 -> 2",
        ),
        (
            replace(CODE, kind="system", name="libc", old="glibc 2.31", new="glibc 2.36"),
            "libc  changed: glibc 2.31 -> glibc 2.36   system   shown only",
        ),
        (
            replace(NUMPY, kind="system", name="appnope", change="removed", new=None, gated=False),
            "appnope  removed: 2.4.5   platform difference of base   shown only",
        ),
    ],
)
def test_a_change_is_one_line_in_plain_words(change: Change, line: str) -> None:
    assert changes_lines([change])[0] == line


def test_the_place_inside_the_value_is_below_it() -> None:
    assert changes_lines([SCORE])[1:] == ["    ['auc'][3]: 0.91 -> 0.93"]


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (REPRODUCED, "reproduced  flows/hello.py::HelloFlow  (1.0 s)"),
        (
            DRIFTED,
            (
                "drifted     flows/train.py::TrainFlow@small  1 artifact, 1 package changed; "
                "1 file changed since the baseline; 2 nondeterministic artifacts not compared"
                "  (3.8 s)"
            ),
        ),
        (RECORDED, "recorded    flows/hello.py::HelloFlow  created  (1.0 s)"),
        (
            replace(RECORDED, recorded="unchanged"),
            "recorded    flows/hello.py::HelloFlow  unchanged  (1.0 s)",
        ),
        (
            replace(RECORDED, recorded="updated", changes=(SCORE,)),
            "recorded    flows/hello.py::HelloFlow  updated; 1 artifact changed  (1.0 s)",
        ),
        (
            replace(REPRODUCED, changes=(CODE,), selected=("code", "step[start]"), tests=5),
            (
                "reproduced  flows/hello.py::HelloFlow  1 file changed since the baseline; "
                "2 of 5 tests selected  (1.0 s)"
            ),
        ),
        (
            replace(
                REPRODUCED, verdict="environment reproduced", selected=("environment",), tests=5
            ),
            "environment reproduced  flows/hello.py::HelloFlow  (1.0 s)",
        ),
        (
            replace(REPRODUCED, changes=(CODE, CODE)),
            (
                "reproduced  flows/hello.py::HelloFlow  2 files changed since the baseline; "
                "artifacts unchanged  (1.0 s)"
            ),
        ),
        (
            replace(REPRODUCED, changes=(CODE,)),
            (
                "reproduced  flows/hello.py::HelloFlow  1 file changed since the baseline; "
                "artifacts unchanged  (1.0 s)"
            ),
        ),
        (
            replace(REPRODUCED, changes=(CODE, replace(CODE, loaded=False))),
            (
                "reproduced  flows/hello.py::HelloFlow  1 file changed since the baseline; "
                "artifacts unchanged; 1 unloaded file changed  (1.0 s)"
            ),
        ),
        (
            replace(REPRODUCED, changes=(replace(CODE, loaded=False),) * 2),
            "reproduced  flows/hello.py::HelloFlow  2 unloaded files changed  (1.0 s)",
        ),
        (
            replace(REPRODUCED, changes=(CODE,), seconds=(("environment", 0.25),)),
            "reproduced  flows/hello.py::HelloFlow  1 file changed since the baseline  (0.2 s)",
        ),
        (
            replace(
                REPRODUCED,
                changes=(
                    replace(NUMPY, kind="system", gated=False),
                    replace(CODE, kind="system", name="libc"),
                ),
            ),
            (
                "reproduced  flows/hello.py::HelloFlow  1 system layer changed; "
                "1 platform difference  (1.0 s)"
            ),
        ),
        (
            replace(REPRODUCED, changes=(replace(NUMPY, kind="system", gated=False),)),
            "reproduced  flows/hello.py::HelloFlow  1 platform difference  (1.0 s)",
        ),
        (
            replace(FAILED, changes=(CODE,), seconds=(("rerun", 1.0),)),
            "error       flows/bad.py::BadFlow  1 file changed since the baseline  (1.0 s)",
        ),
        (replace(FAILED, verdict="no baseline"), "no baseline  flows/bad.py::BadFlow"),
    ],
)
def test_a_flow_is_one_line(report: FlowReport, line: str) -> None:
    assert summary_line(report) == line


def test_everything_about_a_flow_is_below_its_line() -> None:
    lines = render_text(report_of(DRIFTED, FAILED)).splitlines()

    assert lines[1:4] == [
        "    cause: 1 package changed: numpy 2.4.5 -> 2.4.6",
        "    train[0, 3].score  changed: 0.91 -> 0.93",
        "        ['auc'][3]: 0.91 -> 0.93",
    ]
    assert lines[6] == "    note: @kubernetes ran locally"
    assert lines[8:] == ["    manifest.json: is empty", "    What to do: record the flow again"]


def test_details_are_also_about_the_run() -> None:
    flow = replace(DRIFTED, after=("flows/ingest.py::IngestFlow",))
    lines = render_text(report_of(flow), details=True).splitlines()

    assert lines[7:] == [
        "    ran after flows/ingest.py::IngestFlow",
        "    step start, start: unchanged, then train",
        "    step train, linear: origin, then end",
        "    step end, end: downstream",
        "    lock 0.1 s, environment 0.6 s, rerun 3.1 s",
        "checked with packages as locked",
        "selected by flows -k train",
        "commit 0123456789 on main, with changes that are not committed",
        "2026-11-29T15:30:50Z",
        "Linux-6.1.0-x86_64-with-glibc2.36",
        "CPython 3.11.7",
        "pytest-flowrepro 1.2.3",
    ]
    assert render_text(report_of(flow)).splitlines() == lines[:7]


@pytest.mark.parametrize("text", ATTACKS)
def test_a_value_gives_no_orders_to_the_terminal_nor_to_the_ci_machine(text: str) -> None:
    shown = render_text(hostile(text))

    shown.encode()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert not re.search(r"^\s*::", shown, re.MULTILINE)
    assert not re.search(r"##\w*\[", shown)


def test_what_is_within_a_tolerance_is_counted_apart() -> None:
    within = replace(SCORE, gated=False, within="max 3.1e-9")
    line = summary_line(replace(REPRODUCED, changes=(within, within)))
    assert "  2 artifacts within tolerance" in line
    assert "changed" not in line


def test_two_sides_never_have_the_same_text() -> None:
    frame = replace(SCORE, index=(), old="DataFrame 6 x 4", new="DataFrame 6 x 4")
    inside = replace(frame, explanation=("1 of 24 cells differs", "[2, 'price']: 3 -> 4"))
    assert changes_lines([inside]) == [
        "train.score  changed: DataFrame 6 x 4, 1 of 24 cells differs",
        "    [2, 'price']: 3 -> 4",
    ]
    assert changes_lines([replace(frame, explanation=())]) == [
        "train.score  changed: DataFrame 6 x 4, inside"
    ]
    step = replace(SCORE, kind="step", name="train", index=None, old="linear", new="linear")
    moved = replace(step, explanation=("next: end -> audit",), gated=False)
    assert changes_lines([moved]) == ["step train  changed: next: end -> audit   shown only"]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (SCORE, ("0.91", "0.93")),
        (replace(SCORE, old="list of 9", new="list of 9"), ("list of 9", "differs inside")),
        (replace(SCORE, kind="step", old="linear", new="linear"), ("linear", "changed")),
        (replace(NUMPY, new="2.4.5"), ("2.4.5", "2.4.5")),
        (replace(SCORE, change="added", old=None), (None, "0.93")),
    ],
)
def test_what_differs_is_not_shown_as_equal(change: Change, shown: tuple[str, str]) -> None:
    assert sides(change) == shown
