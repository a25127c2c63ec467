"""Flows that read the runs of other flows, and flows that start them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from conftest import FLOWS, record_once

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project


OTHERS = FLOWS / "others"


@pytest.fixture
def others(project: Project) -> Project:
    project.place_flows("others")
    return project


@pytest.fixture
def recorded(project: Project, session_folder: Path) -> Project:
    """CleanFlow, IngestFlow and PublishFlow have baselines: two workers of xdist agreed on who
    records what first.
    """
    made = session_folder / "recorded-others"
    record_once(
        made,
        lambda folder: shutil.copytree(OTHERS, folder, dirs_exist_ok=True),
        *("-n", "2", "clean.py", "ingest.py", "publish.py"),
    )(project.path)
    return project


def test_a_flow_reads_the_runs_of_those_that_ran_before_it(recorded: Project) -> None:
    recorded.edit("ingest.py", "n * 10", "n * 11")
    report = recorded.report("clean.py", "publish.py")
    clean, publish = report["flows"]
    assert [change["name"] for change in clean["changes"]] == ["ingest.py", "clean"]
    # PublishFlow runs after CleanFlow, which runs after IngestFlow; it only counts the sensors, so
    # what it publishes reproduces.
    assert [change["name"] for change in publish["changes"]] == ["ingest.py"]
    assert publish["notes"] == ["IngestFlow ran before it", "CleanFlow ran before it"]


def test_a_flow_that_starts_another_by_runner_reproduces(others: Project) -> None:
    others.record("nightly.py").assert_outcomes(passed=4)
    others.edit("ingest.py", "n * 10", "n * 11")
    (flow,) = others.report("nightly.py")["flows"]
    changes = [(one["name"], one["old"], one["new"]) for one in flow["changes"]]
    assert changes[1:] == [("total", "100", "110")], "beside the code of ingest.py"


def test_the_other_flow_needs_a_baseline_for_a_check(recorded: Project) -> None:
    shutil.rmtree(recorded.baseline("IngestFlow", "ingest"))
    result = recorded.check("clean.py", "-k", "start")
    result.assert_outcomes(errors=1, deselected=3)
    result.stdout.fnmatch_lines(
        [
            "CleanFlow runs after IngestFlow, which has no baseline yet",
            "What to do: record one with `*--flow-repro-update-new ingest.py`, and commit it",
        ]
    )
