from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from flow_reports import ATTACKS, CODE, DRIFTED, FAILED, REPRODUCED, RUN, SCORE, hostile, report_of
from report_schema import sarif_validator
from sample_report import sample_report

from pytest_flowrepro.model import ChangeKind, Report
from pytest_flowrepro.report import render_sarif
from pytest_flowrepro.report import sarif as module


def run_of(report: Report) -> dict[str, Any]:
    """Return the only run of a report, which is valid."""
    document = json.loads(render_sarif(report))
    sarif_validator().validate(document)
    (run,) = document["runs"]
    found: dict[str, Any] = run
    return found


@pytest.mark.parametrize("report", [report_of(), sample_report(), report_of(REPRODUCED)])
def test_a_report_is_valid_under_the_schema_of_sarif(report: Report) -> None:
    run_of(report)


def test_the_schema_finds_what_is_wrong() -> None:
    document = json.loads(render_sarif(report_of(DRIFTED)))
    document["runs"][0]["results"][0]["level"] = "major"
    assert [error.message[:12] for error in sarif_validator().iter_errors(document)] == [
        "'major' is n"
    ]


def test_a_change_is_a_result_at_the_file_of_its_flow() -> None:
    run = run_of(report_of(replace(DRIFTED, file="flows/größe ü.py", changes=(SCORE,))))
    (result,) = run["results"]

    fingerprints = result.pop("partialFingerprints")
    assert [*fingerprints] == ["primaryLocationLineHash"]
    assert result == {
        "ruleId": "artifact",
        "ruleIndex": 7,
        "level": "error",
        "message": {
            "text": "TrainFlow@small: train[0, 3].score changed: 0.91 -> 0.93\n"
            "['auc'][3]: 0.91 -> 0.93"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": "flows/gr%C3%B6%C3%9Fe%20%C3%BC.py",
                        "uriBaseId": "%SRCROOT%",
                    },
                    "region": {"startLine": 1},
                }
            }
        ],
    }


def test_each_kind_of_issue_is_a_rule_with_what_github_requires() -> None:
    rules = run_of(report_of())["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == [
        *get_args(ChangeKind),
        "error",
        "no-baseline",
        "obsolete-baseline",
    ]
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]


def test_an_accepted_change_is_suppressed_and_says_by_which_plugin() -> None:
    accepted = replace(SCORE, gated=False, accepted_by="conftest.py")
    results = run_of(report_of(replace(DRIFTED, changes=(SCORE, CODE, accepted))))["results"]

    assert [result.get("suppressions") for result in results] == [
        None,
        None,
        [{"kind": "external", "justification": "accepted by conftest.py"}],
    ]


def test_notes_and_unused_patterns_are_notifications() -> None:
    run = replace(RUN, folder="models/churn")
    report = Report(flows=(DRIFTED,), run=run, unused_patterns=("ignore: *.elapsed",))
    (invocation,) = run_of(report)["invocations"]

    assert invocation["executionSuccessful"] is True
    assert invocation["endTimeUtc"] == "2026-11-29T15:30:50Z"
    (note,) = invocation["toolExecutionNotifications"]
    assert note["message"]["text"] == "TrainFlow@small: @kubernetes ran locally"
    (place,) = note["locations"]
    location = place["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "models/churn/flows/train.py"
    (unused,) = invocation["toolConfigurationNotifications"]
    assert unused["message"]["text"].startswith("tool.flowrepro.ignore: *.elapsed matched nothing")


def test_a_run_with_an_error_was_not_successful() -> None:
    (invocation,) = run_of(report_of(FAILED))["invocations"]
    assert invocation["executionSuccessful"] is False


def test_the_worst_results_are_kept_if_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 2)
    run = run_of(report_of(replace(DRIFTED, changes=(CODE, CODE, SCORE, CODE), notes=())))

    assert [result["ruleId"] for result in run["results"]] == ["artifact", "code"]
    (left_out,) = run["invocations"][0]["toolExecutionNotifications"]
    assert left_out["message"]["text"] == "2 more results left out: see the JSON report"


@pytest.mark.parametrize("text", ATTACKS)
def test_no_value_is_a_link_or_a_control_character(text: str) -> None:
    shown = render_sarif(hostile(text))

    assert shown.isascii()
    run = run_of(hostile(text))
    messages = [result["message"]["text"] for result in run["results"]]
    assert not any("](" in message for message in messages)
    assert not any(ord(c) < 32 for message in messages for c in message.replace("\n", ""))
