from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from flow_reports import ATTACKS, CODE, DRIFTED, FAILED, SCORE, hostile, report_of
from jsonschema import ValidationError
from report_schema import gitlab_validator
from sample_report import sample_report

from pytest_flowrepro.report import render_gitlab

if TYPE_CHECKING:
    from pytest_flowrepro.model import Report


def issues_of(report: Report) -> list[dict[str, Any]]:
    """Return the issues of a report, which is valid."""
    document: list[dict[str, Any]] = json.loads(render_gitlab(report))
    gitlab_validator().validate(document)
    return document


def test_a_report_without_issues_is_an_empty_array() -> None:
    assert issues_of(report_of()) == []


def test_an_issue_has_the_documented_properties() -> None:
    (issue,) = issues_of(report_of(replace(DRIFTED, changes=(SCORE,), notes=())))

    assert len(issue.pop("fingerprint")) == 64
    assert issue == {
        "description": "TrainFlow@small: train[0, 3].score changed: 0.91 -> 0.93\n"
        "['auc'][3]: 0.91 -> 0.93",
        "check_name": "flowrepro.artifact",
        "severity": "major",
        "location": {"path": "flows/train.py", "lines": {"begin": 1}},
    }


def test_the_severity_is_that_of_the_level() -> None:
    report = replace(
        report_of(FAILED, replace(DRIFTED, changes=(CODE,))), obsolete=sample_report().obsolete
    )
    assert [(issue["check_name"], issue["severity"]) for issue in issues_of(report)] == [
        ("flowrepro.error", "major"),
        ("flowrepro.code", "info"),
        ("flowrepro.obsolete-baseline", "minor"),
        ("flowrepro.note", "info"),
    ]


def test_no_two_issues_have_one_fingerprint() -> None:
    issues = issues_of(sample_report())
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) > 10


@pytest.mark.parametrize("key", ["description", "fingerprint", "severity", "location"])
def test_the_schema_requires_each_property(key: str) -> None:
    issues = issues_of(sample_report())
    del issues[0][key]
    with pytest.raises(ValidationError, match=f"'{key}' is a required property"):
        gitlab_validator().validate(issues)


@pytest.mark.parametrize("text", ATTACKS)
def test_any_value_is_shown_as_one_line_in_ascii(text: str) -> None:
    assert render_gitlab(hostile(text)).isascii()
    for issue in json.loads(render_gitlab(hostile(text))):
        assert not any(ord(c) < 32 for c in issue["description"].replace("\n", ""))
        assert not any(ord(c) < 32 for c in issue["location"]["path"])
