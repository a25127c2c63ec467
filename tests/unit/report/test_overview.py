from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_reports import DRIFTED, FAILED, REPRODUCED, RUN, report_of

from pytest_flowrepro.model import Cause, Change, Uncollected
from pytest_flowrepro.report.overview import (
    report_counts,
    run_facts,
    shared_causes,
    verdict_counts,
    worst_first,
)

if TYPE_CHECKING:
    from pytest_flowrepro.model import CauseKind


def test_the_worst_verdict_comes_first_and_flows_stay_in_order() -> None:
    other = replace(REPRODUCED, file="flows/other.py")
    assert worst_first([REPRODUCED, DRIFTED, other, FAILED]) == [FAILED, DRIFTED, REPRODUCED, other]


def test_a_changed_policy_comes_before_other_drift() -> None:
    policy = Change(kind="policy", change="added", name="a.b", old=None, new="ignored", gated=True)
    weakened = replace(DRIFTED, flow="WeakFlow", changes=(policy,))
    assert worst_first([REPRODUCED, DRIFTED, weakened, FAILED]) == [
        FAILED,
        weakened,
        DRIFTED,
        REPRODUCED,
    ]


def test_verdicts_are_counted() -> None:
    assert verdict_counts([REPRODUCED, DRIFTED, REPRODUCED]) == "1 drifted, 2 reproduced"
    assert verdict_counts([]) == "no flows"


def test_files_that_could_not_be_collected_are_counted_first() -> None:
    file = Uncollected(file="flows/bad.py", error="flows/bad.py, line 2: not valid Python 3.11")
    report = replace(report_of(REPRODUCED), uncollected=(file, file))
    assert report_counts(report) == "2 files not collected, 1 reproduced"
    assert report_counts(replace(report, flows=())) == "2 files not collected"
    assert report_counts(report_of()) == "no flows"


def test_recordings_are_counted_by_what_they_did_to_the_baseline() -> None:
    created = replace(REPRODUCED, verdict="recorded", recorded="created")
    unchanged = replace(created, recorded="unchanged")
    counts = verdict_counts([created, unchanged, FAILED, unchanged])
    assert counts == "1 error, 3 recorded (1 created, 2 unchanged)"


def test_a_cause_is_shared_by_flows_of_the_project() -> None:
    other = replace(DRIFTED, file="flows/other.py", flow="OtherFlow")
    (cause,) = shared_causes([DRIFTED, REPRODUCED, other])
    assert cause.text == "1 package changed: numpy 2.4.5 -> 2.4.6"
    assert cause.flows == (DRIFTED, other)
    assert shared_causes([DRIFTED, REPRODUCED]) == []


@pytest.mark.parametrize(
    ("kind", "between_cases", "between_files"),
    [
        ("environment", True, True),
        ("policy", True, True),
        ("code", True, False),
        ("input", True, False),
        ("unexplained", False, False),
    ],
)
def test_the_same_words_are_one_cause_only_if_they_are_about_the_same_thing(
    kind: CauseKind, between_cases: bool, between_files: bool
) -> None:
    flow = replace(DRIFTED, causes=(Cause(kind=kind, text="code of step train changed"),))
    for other, shared in (
        (replace(flow, case="big"), between_cases),
        (replace(flow, file="flows/other.py"), between_files),
    ):
        assert bool(shared_causes([flow, other])) is shared


def test_the_causes_of_most_flows_are_first() -> None:
    causes = tuple(Cause(kind="policy", text=text) for text in ("of two", "of three"))
    flows = [replace(DRIFTED, causes=causes, case=case) for case in ("a", "b")]
    flows.append(replace(DRIFTED, causes=causes[1:], case="c"))
    assert [cause.text for cause in shared_causes(flows)] == ["of three", "of two"]


def test_a_run_is_described_by_what_may_differ_from_the_next() -> None:
    assert list(run_facts(RUN)) == [
        "checked with packages as locked",
        "selected by flows -k train",
        "commit 0123456789 on main, with changes that are not committed",
        "2026-11-29T15:30:50Z",
        "Linux-6.1.0-x86_64-with-glibc2.36",
        "CPython 3.11.7",
        "pytest-flowrepro 1.2.3",
    ]


def test_what_is_not_known_of_a_run_is_left_out() -> None:
    outside_of_git = replace(RUN, commit=None, branch=None, is_modified=False, selection=())
    fresh = replace(outside_of_git, resolution="fresh")
    assert list(run_facts(fresh))[:2] == [
        "checked with packages resolved again",
        "2026-11-29T15:30:50Z",
    ]
    assert "project in models/churn" in run_facts(replace(RUN, folder="models/churn"))
    assert "commit 0123456789" in run_facts(replace(RUN, branch=None, is_modified=False))


def test_a_comparison_names_its_sides() -> None:
    compared = replace(RUN, command="diff", resolution=None, base="main", head="the working tree")
    assert next(run_facts(replace(RUN, command="record", resolution=None))) == "recorded"
    assert next(run_facts(compared)) == "the working tree compared with main"
