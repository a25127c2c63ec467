from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_reports import CODE, DRIFTED, FAILED, NUMPY, REPRODUCED, SCORE, report_of

from pytest_flowrepro.model import Cause, Change
from pytest_flowrepro.report.findings import findings, next_steps, origins

if TYPE_CHECKING:
    from pytest_flowrepro.model import Report
    from pytest_flowrepro.model.report import Command

MISSING = replace(FAILED, file="flows/new file.py", verdict="no baseline", error="not recorded")
RECORDED = replace(DRIFTED, verdict="recorded", recorded="updated")
WEAKER = Change(
    kind="policy",
    change="added",
    name="train.score",
    setting="ignore",
    old=None,
    new="train.score",
    gated=True,
    weakens=True,
)


def test_flows_with_the_same_causes_are_one_finding() -> None:
    cause = Cause(kind="environment", text="1 package changed: numpy 2.4.5 -> 2.4.6")
    other = replace(DRIFTED, flow="OtherFlow", causes=(replace(cause, steps=("end",)),))
    lone = replace(DRIFTED, flow="LoneFlow", causes=())
    found = findings(report_of(REPRODUCED, DRIFTED, FAILED, lone, other, RECORDED))

    assert [(f.verdict, [flow.flow for flow in f.flows]) for f in found] == [
        ("error", ["BadFlow"]),
        ("drifted", ["TrainFlow", "OtherFlow"]),
        ("drifted", ["LoneFlow"]),
        ("recorded", ["TrainFlow"]),
    ]
    assert found[0].reason == "manifest.json: is empty"
    assert (found[1].causes, found[1].reason) == ((cause,), "")
    assert found[2].reason.startswith("1 artifact, 1 package changed")


def test_an_error_is_its_own_reason_whatever_changed() -> None:
    (finding,) = findings(report_of(replace(DRIFTED, verdict="error", error="no disk\nhint")))
    assert (finding.causes, finding.reason) == ((), "no disk")


def test_a_missing_baseline_and_one_that_is_gone_say_so() -> None:
    gone = replace(MISSING, error=None, notes=("recorded in main only",))
    found = findings(report_of(MISSING, gone))
    assert [finding.reason for finding in found] == ["nothing is recorded", "recorded in main only"]


def test_a_drift_started_at_the_results_that_do_not_derive_from_others() -> None:
    derived = replace(SCORE, step="end", origin="derived")
    shown = replace(SCORE, name="noise", gated=False)
    changes = (NUMPY, CODE, replace(SCORE, origin="first"), derived, shown)
    assert origins(replace(DRIFTED, changes=changes)) == ["train[0, 3].score"]


def steps(report: Report) -> list[str | None]:
    return [step.command for step in next_steps(report)]


def recorded_by(command: Command, report: Report) -> Report:
    return replace(report, run=replace(report.run, command=command, resolution=None))


@pytest.mark.parametrize(
    ("report", "commands"),
    [
        (report_of(REPRODUCED), []),
        (report_of(DRIFTED), ["pytest --flow-repro flows/train.py", "flowrepro review"]),
        (
            report_of(replace(DRIFTED, seconds=(("environment", 0.6),))),
            ["pytest --flow-repro flows/train.py"],
        ),
        (report_of(FAILED), ["pytest --flow-repro flows/bad.py"]),
        (
            report_of(MISSING),
            ["pytest --flow-repro --flow-repro-update-new 'flows/new file.py'"],
        ),
        (
            report_of(*(replace(FAILED, file=f"flow{number}.py") for number in range(4))),
            ["pytest --flow-repro"],
        ),
        (recorded_by("record", report_of(RECORDED)), ["flowrepro diff HEAD", None]),
        (recorded_by("record", report_of(replace(RECORDED, changes=()))), []),
        (recorded_by("diff", report_of(DRIFTED)), [None]),
        (recorded_by("diff", report_of()), []),
    ],
)
def test_the_next_command_fits_the_verdicts(report: Report, commands: list[str | None]) -> None:
    assert steps(report) == commands


def test_a_check_in_fresh_environments_is_repeated_in_them() -> None:
    report = report_of(DRIFTED, MISSING)
    fresh = replace(report, run=replace(report.run, resolution="fresh"))
    assert steps(fresh) == [
        "pytest --flow-repro --flow-repro-env=fresh flows/train.py",
        "flowrepro review",
        "pytest --flow-repro --flow-repro-update-new --flow-repro-env=fresh 'flows/new file.py'",
    ]


def test_packages_of_a_fresh_resolution_can_be_accepted_without_a_drift() -> None:
    moved = replace(REPRODUCED, changes=(replace(NUMPY, gated=False),))
    report = report_of(moved, replace(REPRODUCED, file="flows/same.py"))
    assert steps(report) == []
    assert steps(replace(report, run=replace(report.run, resolution="fresh"))) == [
        "pytest --flow-repro --flow-repro-env=fresh flows/hello.py",
        "flowrepro review",
    ]


def test_a_reviewer_of_two_recordings_asks_about_a_weaker_policy_first() -> None:
    weaker = replace(DRIFTED, changes=(WEAKER, *DRIFTED.changes))
    texts = [step.text for step in next_steps(recorded_by("diff", report_of(weaker)))]
    assert texts[0] == "ask why the policy is weaker"
    assert "both sides are recordings" in texts[1]
