from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recordings import artifact, recording, task

from pytest_flowrepro.diff import ignored_inside, unmatched, unneeded, used
from pytest_flowrepro.model import Recording, System
from pytest_flowrepro.model.patterns import Patterns, Terms

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json


def reported(report: Json, rows: int = 100) -> Recording:
    return recording(
        task("start", artifact("rows", rows, type="int"), artifact("report", report, type="dict")),
        task("end"),
    )


OLD = reported({"auc": 0.5, "at": "monday"})
LATER = reported({"auc": 0.5, "at": "tuesday"})


def test_patterns_that_match_nothing_are_named_with_their_key() -> None:
    patterns = Patterns(
        ignore=("start.rows", "_parameters.a*", "nothing.*", "end"),
        rtol=(("start.report.auc", 1e-6), ("start.reports.auc", 1e-6)),
    )
    assert unmatched([OLD], patterns) == (("ignore", "nothing.*"), ("rtol", "start.reports.auc"))


def test_patterns_are_not_needed_where_all_that_they_cover_is_as_recorded() -> None:
    patterns = Patterns(ignore=("start.rows", "start.report.at", "_parameters", "nothing.*"))
    assert unneeded(OLD, LATER, patterns) == (("ignore", "start.rows"), ("ignore", "_parameters"))


def test_what_differs_from_run_to_run_needs_its_pattern() -> None:
    random = replace(artifact("rows"), determinism="nondeterministic", digest="", value=None)
    old = recording(task("start", random))
    assert unneeded(old, OLD, Patterns(ignore=("start.rows",))) == ()


def test_patterns_with_a_reason_are_used_where_something_they_reach_differs() -> None:
    terms = tuple(
        Terms(key="ignore", pattern=pattern, reason="because")
        for pattern in ("start.report.at", "start.rows")
    )
    patterns = Patterns(ignore=("start.report.at", "start.rows", "start.*"), terms=terms)
    assert used(OLD, LATER, patterns) == terms[:1]
    assert used(OLD, OLD, patterns) == ()


def test_equal_values_say_something_of_a_tolerance_on_another_machine_only() -> None:
    patterns = Patterns(rtol=(("start.rows", 1e-6),))
    elsewhere = replace(LATER, system=System(platform="darwin", machine="arm64", libc=""))
    assert unneeded(OLD, LATER, patterns) == ()
    assert unneeded(OLD, elsewhere, patterns) == (("rtol", "start.rows"),)


def test_artifacts_that_differ_at_ignored_places_only_are_counted() -> None:
    patterns = Patterns(ignore=("start.report.at", "start.rows"))
    assert ignored_inside(OLD, LATER, patterns) == 1
    assert ignored_inside(OLD, reported({"auc": 0.4, "at": "tuesday"}), patterns) == 0
    whole = reported({"auc": 0.5, "at": "monday"}, rows=5)
    assert ignored_inside(OLD, whole, patterns) == 0, "it is left out altogether"
