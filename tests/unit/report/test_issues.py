from __future__ import annotations

from dataclasses import replace

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

from pytest_flowrepro.model import Cause, Change, FlowReport, Obsolete, flow_title
from pytest_flowrepro.report.issues import Issue, issues, remarks

NAMED = replace(FAILED, error="step poll of BadFlow failed")
TASKS = tuple(replace(SCORE, index=(n,), tasks=(1, 40)) for n in range(6))


def of(*changes: Change, flow: FlowReport = DRIFTED, details: bool = False) -> tuple[Issue, ...]:
    return issues(report_of(replace(flow, changes=changes)), details=details)


def test_a_gated_change_is_an_error_with_its_values_explanation_and_cause() -> None:
    (issue,) = of(replace(SCORE, origin="first", cause="environment"))

    assert (issue.rule, issue.level, issue.path) == ("artifact", "error", "flows/train.py")
    assert issue.lines == (
        "TrainFlow@small: train[0, 3].score changed: 0.91 -> 0.93",
        "['auc'][3]: 0.91 -> 0.93",
        "cause: 1 package changed: numpy 2.4.5 -> 2.4.6",
    )


def test_a_cause_of_another_step_or_kind_is_not_that_of_the_change() -> None:
    flow = replace(
        DRIFTED,
        causes=(
            Cause(kind="code", text="code of step start changed", steps=("start",)),
            Cause(kind="input", text="parameter alpha changed"),
        ),
    )
    (first,) = of(replace(SCORE, origin="first", cause="code"), flow=flow)
    (derived,) = of(replace(SCORE, origin="derived"), flow=flow)

    assert first.lines == of(SCORE)[0].lines
    assert derived.lines == (*first.lines, "derived from a change of an earlier task")


@pytest.mark.parametrize(
    ("change", "flow"),
    [
        (CODE, DRIFTED),
        (replace(SCORE, gated=False, accepted_by="conftest.py"), REPRODUCED),
        (SCORE, replace(REPRODUCED, verdict="recorded", recorded="updated")),
    ],
)
def test_a_change_that_fails_no_check_is_a_note(change: Change, flow: FlowReport) -> None:
    (issue,) = of(change, flow=flow)
    assert (issue.level, issue.accepted_by) == ("note", change.accepted_by)


def test_tasks_that_differ_alike_are_one_issue_but_for_details() -> None:
    (issue,) = of(*TASKS)
    each = of(*TASKS, details=True)

    assert issue.lines[0].startswith(
        "TrainFlow@small: train.score: 6 of 40 tasks, first at [0] changed: 0.91 -> 0.93"
    )
    assert len({issue.fingerprint for issue in each}) == 6


def test_a_flow_without_a_result_is_an_issue_with_the_reason() -> None:
    missing = replace(REPRODUCED, verdict="no baseline")
    found = issues(
        report_of(FAILED, NAMED, missing, replace(missing, notes=("moved from a.py",)), REPRODUCED)
    )

    assert [(issue.rule, issue.level, *issue.lines) for issue in found] == [
        (
            "error",
            "error",
            "BadFlow: manifest.json: is empty",
            "What to do: record the flow again",
        ),
        ("error", "error", "step poll of BadFlow failed"),
        ("no-baseline", "error", "HelloFlow: no baseline is recorded"),
        ("no-baseline", "error", "HelloFlow: no baseline is recorded", "moved from a.py"),
    ]


def test_an_obsolete_baseline_is_a_warning_about_its_manifest() -> None:
    folder = "flows/__flowrepro__/old/OldFlow"
    obsolete = Obsolete(folder=folder, reason="flows/old.py does not exist")
    (issue,) = issues(replace(report_of(REPRODUCED), obsolete=(obsolete,)))

    assert (issue.rule, issue.level) == ("obsolete-baseline", "warning")
    assert issue.path == f"{folder}/manifest.json"
    assert issue.lines == (f"obsolete baseline {folder}: flows/old.py does not exist",)


def test_a_place_is_a_path_in_the_repository() -> None:
    report = replace(report_of(DRIFTED), obsolete=(Obsolete(folder="old", reason="gone"),))
    in_folder = replace(report, run=replace(report.run, folder="models/churn"))

    paths = [issue.path for issue in issues(in_folder)]
    assert paths == [*["models/churn/flows/train.py"] * 3, "models/churn/old/manifest.json"]
    assert [issue.fingerprint for issue in issues(in_folder)] == [
        issue.fingerprint for issue in issues(report)
    ]


def test_a_fingerprint_does_not_depend_on_values() -> None:
    (then,) = of(*TASKS)
    (now,) = of(*(replace(t, old="1", new="2", explanation=(), gated=False) for t in TASKS[1:]))
    assert then.lines != now.lines
    assert then.fingerprint == now.fingerprint


def test_different_things_have_different_fingerprints() -> None:
    changes = (
        SCORE,
        replace(SCORE, name="loss"),
        replace(SCORE, step="end"),
        replace(SCORE, index=(1,)),
        replace(SCORE, kind="parameter"),
        NUMPY,
        replace(NUMPY, environment="step-train"),
        replace(NUMPY, declared=True),
        NUMPY,
        replace(CODE, kind="policy", setting="ignore"),
        replace(CODE, kind="policy", setting="tolerance"),
    )
    flows = (DRIFTED, replace(DRIFTED, case=None), replace(DRIFTED, file="a.py"), FAILED)
    found = issues(report_of(*(replace(flow, changes=changes) for flow in flows)))

    assert len({issue.fingerprint for issue in found}) == len(found) == 4 * len(changes) + 1


@pytest.mark.parametrize("text", ATTACKS)
def test_each_line_is_of_visible_characters(text: str) -> None:
    for issue in issues(hostile(text)):
        for line in issue.lines:
            line.encode()
            assert not any(ord(character) < 32 for character in line)


def test_a_note_and_an_unused_pattern_are_remarks_at_the_file_that_a_person_edits() -> None:
    report = report_of(replace(REPRODUCED, notes=("@kubernetes ran locally",)))
    report = replace(
        report, unused_patterns=("ignore `*.log`",), run=replace(report.run, folder="models/churn")
    )
    title = flow_title(REPRODUCED.flow, REPRODUCED.case)
    assert [(found.rule, found.level, found.path, found.lines) for found in remarks(report)] == [
        (
            "note",
            "note",
            f"models/churn/{REPRODUCED.file}",
            (f"{title}: @kubernetes ran locally",),
        ),
        (
            "unused-pattern",
            "note",
            "models/churn/pyproject.toml",
            ("tool.flowrepro.ignore `*.log` matched nothing; consider removing it",),
        ),
    ]
