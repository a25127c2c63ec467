from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from pytest_flowrepro.model import Change
from pytest_flowrepro.plugin.results import flow_reports, unused_patterns

PARTS = ("code", "environment", "step[start]", "step[train]", "step[end]")


def result(part: str, **more: Any) -> dict[str, Any]:
    """As a worker sends it: through JSON."""
    fields = {
        "file": "flows/train.py",
        "flow": "TrainFlow",
        "case": None,
        "part": part,
        "position": PARTS.index(part),
        "verdict": "reproduced",
        "changes": [],
        "seconds": [],
        "nondeterministic": 0,
        "notes": [],
        "idle": None,
        "failure": None,
        **more,
    }
    loaded: dict[str, Any] = json.loads(json.dumps(fields))
    return loaded


def test_the_parts_of_a_flow_become_one_report() -> None:
    score = Change(
        kind="artifact",
        change="changed",
        name="score",
        old="0.91",
        new="0.93",
        gated=True,
        step="train",
        index=(0,),
        explanation=("moved by 0.02",),
        origin="first",
        tasks=(1, 2),
    )
    (report,) = flow_reports(
        [
            result("step[train]", verdict="drifted", changes=[asdict(score)], nondeterministic=2),
            result("environment", seconds=[["environment", 0.6]], notes=["one"]),
            result(
                "step[end]", seconds=[["environment", 0.1], ["rerun", 3.1]], notes=["one", "two"]
            ),
        ]
    )
    assert (report.verdict, report.nondeterministic) == ("drifted", 2)
    assert report.changes == (score,)
    assert report.seconds == (("environment", 0.6), ("rerun", 3.1))
    assert report.notes == ("one", "two")
    assert report.error is None


def test_changes_stand_in_the_order_of_the_flow_whichever_worker_ends_first() -> None:
    def changed(name: str) -> list[dict[str, Any]]:
        one = Change(kind="artifact", change="changed", name=name, old="1", new="2", gated=True)
        return [asdict(one)]

    parts = [result(part, changes=changed(part)) for part in PARTS]
    (report,) = flow_reports(reversed(parts))
    assert [change.name for change in report.changes] == [*PARTS]


def test_flows_and_cases_are_reported_apart_and_in_order() -> None:
    reports = flow_reports(
        [
            result("code", case="small"),
            result("code", file="flows/a.py"),
            result("code"),
        ]
    )
    assert [(report.file, report.case) for report in reports] == [
        ("flows/a.py", None),
        ("flows/train.py", None),
        ("flows/train.py", "small"),
    ]


def test_an_error_is_no_drift_and_its_sentence_is_kept() -> None:
    (report,) = flow_reports(
        [
            result("code", verdict="drifted", failure="TrainFlow code drifted"),
            result("step[start]", verdict="error", failure="the index cannot be reached"),
        ]
    )
    assert (report.verdict, report.error) == ("error", "the index cannot be reached")


def test_an_artifact_that_could_not_be_read_is_told_by_its_change_alone() -> None:
    change = Change(kind="artifact", change="unread", name="m", old="1", new="?", gated=True)
    failure = "TrainFlow step[train] could not be compared"
    parts = [result("step[train]", verdict="error", changes=[asdict(change)], failure=failure)]
    (report,) = flow_reports(parts)
    assert (report.verdict, report.changes, report.error) == ("error", (change,), None)


def test_a_pattern_is_idle_where_no_flow_has_any_use_for_it() -> None:
    parts = [
        result("code", idle=["ignore: `a`", "rtol: `b`"]),
        result("environment"),
        result("code", flow="OtherFlow", idle=["rtol: `b`", "rtol: `c`"]),
    ]
    assert unused_patterns(parts) == ("rtol: `b`",)
    assert unused_patterns([*parts, result("code", case="small", idle=[])]) == ()


def test_nothing_is_said_of_patterns_where_a_flow_could_not_be_checked() -> None:
    failed = result("environment", flow="OtherFlow", verdict="error")
    assert unused_patterns([result("code", idle=["ignore: `a`"]), failed]) == ()
    assert unused_patterns([]) == ()
