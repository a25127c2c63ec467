from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from recordings import artifact, recording, task

from pytest_flowrepro.diff.verdict import (
    PatternsUsed,
    changes_of,
    determinism_notes,
    nondeterministic,
    part_of,
    patterns_used,
    policy_part,
    uncompared_notes,
    verdict_of,
    worst,
)
from pytest_flowrepro.model import Change, Verdict
from pytest_flowrepro.model.patterns import NO_PATTERNS, Patterns, Terms

STEPS = ("start", "train", "end")


def change(kind: Any, name: str = "x", *, gated: bool = True, **more: Any) -> Change:
    fields = {"change": "changed", "old": "1", "new": "2", **more}
    return Change(kind=kind, name=name, gated=gated, **fields)


@pytest.mark.parametrize(
    ("of", "part"),
    [
        (change("policy", "fail-on"), "code"),
        (change("code", "train.py"), "code"),
        (change("package", "numpy", environment="base"), "environment"),
        (change("python", environment="base"), "environment"),
        (change("system"), "environment"),
        (change("artifact", step="train", index=(0,)), "step[train]"),
        (change("step", "train", change="removed"), "step[train]"),
        (change("step", "train"), "code"),
        (change("parameter", "alpha"), "step[start]"),
        # A step that only Metaflow knows has no test of its own; it must not go unseen.
        (change("artifact", step="added_by_a_mutator", index=()), "step[start]"),
        (change("step", "added_by_a_mutator", change="added"), "step[start]"),
    ],
)
def test_every_change_belongs_to_one_test(of: Change, part: str) -> None:
    assert part_of(of, STEPS) == part
    assert changes_of(part, [of], STEPS) == (of,)
    assert changes_of("step[end]", [of], STEPS) == ()


@pytest.mark.parametrize(
    ("selected", "part"),
    [
        (["code", "environment", "step[start]"], "code"),
        (["step[end]", "code"], "code"),
        (["environment", "step[train]", "step[end]"], "step[train]"),
        (["environment"], "environment"),
        (["step[*]"], "step[*]"),
        ([], "code"),
    ],
)
def test_any_selection_of_tests_has_one_that_answers_for_the_policy(
    selected: list[str], part: str
) -> None:
    assert policy_part(selected) == part
    moved = change("policy", "fail-on")
    assert changes_of(part, [moved], STEPS, part) == (moved,)
    assert all(changes_of(p, [moved], STEPS, part) == () for p in selected if p != part)


def test_only_what_is_gated_is_drift() -> None:
    assert verdict_of([change("code", gated=False)]) == "reproduced"
    assert verdict_of([change("code", gated=False), change("artifact")]) == "drifted"


def test_what_could_not_be_read_is_an_error_and_no_drift() -> None:
    unread = change("artifact", change="unread")
    assert verdict_of([change("artifact"), unread]) == "error"
    assert verdict_of([change("artifact"), replace(unread, gated=False)]) == "drifted"


@pytest.mark.parametrize(
    ("verdicts", "flow"),
    [
        (["reproduced", "reproduced"], "reproduced"),
        (["drifted", "reproduced"], "drifted"),
        (["drifted", "error", "reproduced"], "error"),
        (["no baseline"], "no baseline"),
        (["recorded", "recorded"], "recorded"),
    ],
)
def test_a_flow_is_as_bad_as_its_worst_part(verdicts: list[Verdict], flow: Verdict) -> None:
    assert worst(verdicts) == flow


def test_what_is_not_deterministic_is_reported_by_step_and_name() -> None:
    random = replace(artifact("score"), determinism="nondeterministic", digest="", value=None)
    seeded = replace(artifact("order"), determinism="hash-seed")
    found = recording(
        task("start", seeded, artifact("rows")),
        task("train", random, index=(0,)),
        task("train", random, index=(1,)),
    )
    first, second = determinism_notes(found, patterns=NO_PATTERNS)
    assert first.startswith("differs from run to run: train.score (2 tasks). Seed it, sort it")
    assert second.startswith("depends on the hash seed: start.order. Sort it")
    assert nondeterministic(found, patterns=NO_PATTERNS).total() == 2
    assert nondeterministic(found, patterns=Patterns(ignore=("train.*",))).total() == 0
    assert len(determinism_notes(found, patterns=Patterns(ignore=("train.score",)))) == 1


def test_a_check_names_what_it_does_not_compare() -> None:
    random = replace(artifact("noise", 1), determinism="nondeterministic")
    tasks = [task("train", random, index=(at,)) for at in range(2)]
    noisy = recording(*tasks, task("end", artifact("total", 1)))
    (note,) = uncompared_notes(noisy, NO_PATTERNS)
    assert note == ("not compared, because nondeterministic in the baseline: train.noise (2 tasks)")
    assert uncompared_notes(recording(task("end", artifact("total", 1))), NO_PATTERNS) == ()


def test_a_deterministic_flow_has_nothing_to_tell() -> None:
    assert determinism_notes(recording(), patterns=NO_PATTERNS) == ()


def test_patterns_that_hid_something_or_nothing_are_reported() -> None:
    old = recording(task("start", artifact("report", {"at": "mon"}), artifact("rows", 1)))
    new = recording(task("start", artifact("report", {"at": "tue"}), artifact("rows", 1)))
    project = Patterns(ignore=("*.rows", "*.nothing"))
    patterns = Patterns(ignore=(*project.ignore, "start.report.at", "start.rows"))
    assert patterns_used(old, new, patterns, project) == PatternsUsed(
        notes=(
            "1 artifact differs only at places that are ignored",
            "ignore: `start.rows` was not needed: all values that it covers are as recorded",
        ),
        idle=("ignore: `*.nothing`", "ignore: `*.rows`"),
    )


def test_the_reason_and_the_end_of_a_pattern_are_reported_where_it_was_used() -> None:
    old = recording(task("start", artifact("report", {"at": "mon"})))
    new = recording(task("start", artifact("report", {"at": "tue"})))
    terms = Terms(
        key="ignore", pattern="start.report.at", reason="a clock", until=date(2027, 3, 31)
    )
    patterns = Patterns(ignore=("start.report.at",), terms=(terms,))
    assert patterns_used(old, new, patterns, NO_PATTERNS).notes == (
        "1 artifact differs only at places that are ignored",
        "ignore: `start.report.at` was used: a clock, until 2027-03-31",
    )


def test_a_recording_reports_only_whether_patterns_match_anything() -> None:
    project = Patterns(ignore=("*.rows", "*.nothing"))
    used = patterns_used(None, recording(), project, project)
    assert used == PatternsUsed(idle=("ignore: `*.nothing`",))
