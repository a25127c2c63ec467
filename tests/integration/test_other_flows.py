"""Flows that read the runs of other flows, and flows that start them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project


@pytest.fixture
def others(project: Project) -> Project:
    project.place_flows("others")
    return project


def test_a_flow_reads_the_runs_of_those_that_ran_before_it(others: Project) -> None:
    result = others.record("clean.py", "ingest.py", "publish.py")
    result.assert_outcomes(passed=12)
    assert others.drift("publish.py") == []
    others.edit("ingest.py", "n * 10", "n * 11")
    report = others.report("clean.py", "publish.py")
    clean, publish = report["flows"]
    assert [change["name"] for change in clean["changes"]] == ["ingest.py", "clean"]
    # PublishFlow runs after CleanFlow, which runs after IngestFlow; it only counts the sensors.
    assert [change["name"] for change in publish["changes"]] == ["ingest.py"]
    assert publish["notes"] == ["IngestFlow ran before it", "CleanFlow ran before it"]


def test_a_flow_that_starts_another_by_runner_reproduces(others: Project) -> None:
    others.record("nightly.py").assert_outcomes(passed=4)
    assert others.artifacts("NightlyFlow", "nightly")["start"]["[]"]["total"]["value"] == 100
    assert others.drift("nightly.py") == []
    others.edit("ingest.py", "n * 10", "n * 11")
    assert others.drift("nightly.py") == ["NightlyFlow: artifact start.total changed"]


def test_without_the_other_flow_the_failure_names_it_and_the_line_to_add(others: Project) -> None:
    others.write("pyproject.toml", "[tool.pytest]\n")
    result = others.record("clean.py", "-k", "start")
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "*Flow('IngestFlow') does not exist",
            "*let IngestFlow run before it:",
            "*[[]tool.flowrepro.flow.CleanFlow[]]",
            '*after = [[]"IngestFlow"[]]',
        ]
    )


def test_the_other_flow_needs_a_baseline_for_a_check(others: Project) -> None:
    others.record("clean.py").assert_outcomes(passed=4)
    result = others.check("clean.py", "-k", "start")
    result.assert_outcomes(errors=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "CleanFlow is to run after IngestFlow, which has no baseline yet",
            "What to do: record one with `*--flow-repro-update-new ingest.py`, and commit it",
        ]
    )


def test_another_flow_that_fails_is_an_error_and_no_drift(others: Project) -> None:
    others.record("clean.py", "ingest.py")
    others.edit("ingest.py", "n * 10", "n / 0")
    result = others.check("clean.py", "-k", "start")
    result.assert_outcomes(errors=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "CleanFlow is to run after IngestFlow, and that failed: exit code 1",
            "*ZeroDivisionError*",
            "What to do: mend IngestFlow: *",
        ]
    )


def test_a_flow_that_is_not_there_is_named(others: Project) -> None:
    others.edit("pyproject.toml", '"IngestFlow"', '"IngetsFlow"')
    result = others.record("clean.py", "-k", "code")
    result.assert_outcomes(errors=1, deselected=3)
    result.stdout.fnmatch_lines(
        ["*CleanFlow.after: there is no flow `IngetsFlow` in *; did you mean `IngestFlow`*"]
    )


def test_workers_of_xdist_agree_on_who_records_what_first(others: Project) -> None:
    result = others.check_apart("--flow-repro-update", "-n", "2", "clean.py", "ingest.py")
    result.assert_outcomes(passed=8)
