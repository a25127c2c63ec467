from __future__ import annotations

import pytest
from part_results import part_id

from pytest_flowrepro.model import Change
from pytest_flowrepro.plugin.results import PartId, PartResult
from pytest_flowrepro.plugin.session_results import SessionResults

CODE, TRAIN, END = map(part_id, ("code", "step[train]", "step[end]"))
OTHER = part_id("code", flow="OtherFlow")
REPRODUCED = PartResult(verdict="reproduced")


@pytest.fixture
def results() -> SessionResults:
    results = SessionResults()
    results.select([CODE, TRAIN, END, OTHER])
    return results


def failures(results: SessionResults, *, ended: str = "") -> dict[PartId, str]:
    """The first lines of errors, by test."""
    found = results.all(ended=ended)
    return {
        part: (result.failure or "").splitlines()[0]
        for part, result in found.items()
        if result.verdict == "error" and result.is_broken
    }


def test_the_last_result_of_a_test_counts(results: SessionResults) -> None:
    results.add(CODE, PartResult(verdict="drifted"))
    results.add(CODE, REPRODUCED)
    assert results.all()[CODE] == REPRODUCED
    assert results.has(CODE)
    assert not results.has(TRAIN)


def test_tests_that_did_not_run_are_one_error_of_their_flow(results: SessionResults) -> None:
    results.add(CODE, REPRODUCED)
    results.start(TRAIN.nodeid)
    assert results.missing() == [TRAIN, END, OTHER]
    text = "TrainFlow: step[end] did not run; TrainFlow: step[train] did not run to the end"
    assert failures(results) == {TRAIN: text, END: text, OTHER: "OtherFlow: code did not run"}
    assert failures(results, ended="stopping after 1 failures")[OTHER].endswith(
        "did not run (stopping after 1 failures)"
    )
    assert "What to do: run pytest again" in (results.all()[END].failure or "")


def test_a_skipped_test_has_no_result_and_is_not_missing(results: SessionResults) -> None:
    for part in (CODE, TRAIN, END, OTHER):
        results.skip(part.nodeid)
    assert results.missing() == []
    assert results.all() == {}


def test_a_test_that_failed_without_a_result_is_an_error(results: SessionResults) -> None:
    results.select([CODE])
    results.fail(CODE.nodeid, "its setup failed: no fixture")
    assert CODE not in results.missing()
    assert failures(results)[CODE] == "TrainFlow code: its setup failed: no fixture"


def test_a_teardown_that_fails_keeps_the_changes_of_its_test(results: SessionResults) -> None:
    change = Change(kind="code", change="changed", name="a.py", old="1", new="2", gated=False)
    results.add(CODE, PartResult(verdict="reproduced", changes=(change,), nondeterministic=2))
    results.fail(CODE.nodeid, "its teardown failed: boom")
    result = results.all()[CODE]
    assert (result.verdict, result.changes, result.nondeterministic) == ("error", (change,), 2)
    assert result.failure == "TrainFlow code: its teardown failed: boom"


def test_a_result_of_a_test_that_was_not_selected_here_counts() -> None:
    results = SessionResults()
    results.add(CODE, REPRODUCED)
    assert results.all() == {CODE: REPRODUCED}
