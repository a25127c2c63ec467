from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from checked_flows import FakeFlow, job, observation, options
from flow_reports import SCORE
from recordings import artifact, log, recording, task

from pytest_flowrepro.diff.verdict import PatternsUsed
from pytest_flowrepro.environment import system_of
from pytest_flowrepro.model import Card, Change
from pytest_flowrepro.pipeline import Environments, policy_of
from pytest_flowrepro.plugin.part_checks import CodeCheck, EnvironmentCheck, StepCheck
from pytest_flowrepro.support.errors import BaselineError, RerunError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording

SCORE_OF_TRAIN = replace(SCORE, step="train", origin="first")
FILE = Change(kind="code", change="changed", name="train.py", old="11", new="12", gated=False)
IGNORE = Change(
    kind="policy",
    change="added",
    name="*.score",
    old=None,
    new="ignored",
    gated=True,
    setting="ignore",
    weakens=True,
)


def as_they_are(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    return changes


def accepted(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    return tuple(replace(change, gated=False, accepted_by="conftest.py") for change in changes)


@pytest.fixture
def flow(tmp_path: Path) -> FakeFlow:
    """A flow that reproduced."""
    return FakeFlow(job=job(tmp_path), options=options(tmp_path))


def code(flow: FakeFlow, **more: Any) -> CodeCheck:
    return CodeCheck(**{"flow": flow, "part": "code", "accept": as_they_are, **more})


def environment(flow: FakeFlow) -> EnvironmentCheck:
    return EnvironmentCheck(flow=flow, part="environment", accept=as_they_are)


def step(flow: FakeFlow, name: str, shown: list[tuple[str, str]] | None = None) -> StepCheck:
    output = [] if shown is None else shown
    return StepCheck(
        flow=flow,
        part=f"step[{name}]",
        accept=as_they_are,
        step=name,
        show_output=lambda stream, text: output.append((stream, text)),
    )


# --- code, and what all parts have in common ------------------------------------------


def test_a_flow_without_changes_is_reproduced(flow: FakeFlow) -> None:
    used = PatternsUsed(notes=("used",), idle=("ignore: `a`",))
    changed = replace(flow, patterns_used=used, rejection_notes=("rejected",))
    result = code(changed).run()
    assert (result.verdict, result.failure, result.changes) == ("code compared", None, ())
    assert step(flow, "train").run().verdict == "reproduced", "only of what was rerun"
    assert result.seconds == (("rerun", 1.5),)
    assert result.notes == ("rejected", "a note", "used")
    assert result.idle == ("ignore: `a`",)


def test_details_are_notes_if_they_are_asked_for(flow: FakeFlow) -> None:
    detailed = replace(flow, options=options(flow.job.root, details=True))
    assert code(detailed).run().notes == ("a note", "a detail")


def test_a_part_reports_its_own_changes_alone(flow: FakeFlow) -> None:
    changed = replace(flow, changes=(FILE, SCORE_OF_TRAIN))
    assert code(changed).run().changes == (FILE,)
    assert code(changed).run().verdict == "code compared", "code is not gated here"
    result = step(changed, "train").run()
    assert (result.verdict, result.changes) == ("drifted", (SCORE_OF_TRAIN,))
    assert step(changed, "start").run().verdict == "reproduced"


def test_a_drift_says_what_drifted(flow: FakeFlow) -> None:
    result = step(replace(flow, changes=(SCORE_OF_TRAIN,)), "train").run()
    assert result.failure is not None
    assert result.failure.splitlines()[0] == "TrainFlow step[train] drifted"
    assert "score" in result.failure
    assert "['auc'][3]: 0.91 -> 0.93" in result.failure
    assert "What to do" not in result.failure


def test_a_drift_that_derives_from_another_says_where_that_started(flow: FakeFlow) -> None:
    rows = replace(SCORE, name="rows", step="start", index=(), origin="first")
    derived = replace(SCORE_OF_TRAIN, origin="derived")
    changed = replace(flow, changes=(rows, derived))
    failure = step(changed, "train").run().failure or ""
    assert failure.startswith("TrainFlow step[train] drifted; it started at start.rows")
    assert (step(changed, "start").run().failure or "").startswith(
        "TrainFlow step[start] drifted\n"
    )


def test_a_drift_that_also_began_here_names_no_other_place(flow: FakeFlow) -> None:
    rows = replace(SCORE, name="rows", step="start", origin="first")
    derived, own = replace(SCORE_OF_TRAIN, origin="derived"), replace(SCORE_OF_TRAIN, name="loss")
    failure = step(replace(flow, changes=(rows, derived, own)), "train").run().failure or ""
    assert failure.splitlines()[0] == "TrainFlow step[train] drifted"


def test_a_value_that_could_not_be_read_is_an_error_and_no_drift(flow: FakeFlow) -> None:
    unread = replace(SCORE_OF_TRAIN, change="unread")
    result = step(replace(flow, changes=(unread,)), "train").run()
    assert result.verdict == "error"
    assert (result.failure or "").startswith("TrainFlow step[train] could not be compared")


@pytest.mark.parametrize(
    ("changes", "what"),
    [((IGNORE,), "TrainFlow policy drifted"), ((IGNORE, FILE), "TrainFlow code drifted")],
)
def test_a_change_of_policy_says_how_to_undo_it(
    flow: FakeFlow, changes: tuple[Change, ...], what: str
) -> None:
    changed = replace(flow, changes=tuple(replace(change, gated=True) for change in changes))
    result = code(changed).run()
    assert result.failure is not None
    assert result.failure.splitlines()[0] == what
    assert result.failure.splitlines()[-1].startswith("What to do: undo the change of the settings")


def test_the_policy_belongs_to_the_part_that_reports_it(flow: FakeFlow) -> None:
    changed = replace(flow, changes=(IGNORE,), policy_part="step[train]")
    assert code(changed).run().verdict == "code compared"
    assert step(changed, "train").run().changes == (IGNORE,)


def test_a_change_that_a_hook_accepts_does_not_fail(flow: FakeFlow) -> None:
    gated = replace(flow, changes=(replace(FILE, gated=True),))
    assert code(gated).run().verdict == "drifted"
    result = code(gated, accept=accepted).run()
    assert (result.verdict, result.failure) == ("accepted", None)
    assert result.changes[0].accepted_by == "conftest.py"


def test_a_flow_without_a_baseline_fails_and_says_how_to_record(flow: FakeFlow) -> None:
    result = code(replace(flow, baseline=None)).run()
    assert result.verdict == "no baseline"
    assert result.failure == (
        "TrainFlow has no baseline yet\nWhat to do: record one with "
        "`pytest --flow-repro --flow-repro-update-new flows/train.py`, and commit it"
    )


def test_only_the_first_selected_test_fails_for_a_missing_baseline(flow: FakeFlow) -> None:
    new = replace(flow, baseline=None, selected=("environment", "step[train]"))
    assert environment(new).run().failure is not None
    result = step(new, "train").run()
    assert (result.verdict, result.failure) == ("no baseline", None)
    assert result.skipped == "no baseline yet: see environment"


def test_a_merged_baseline_is_noted(flow: FakeFlow) -> None:
    merged = replace(recording(), merged=True)
    notes = code(replace(flow, baseline=merged)).run().notes
    assert "the baseline is a git merge of several recordings" in notes[0]


# --- recording ------------------------------------------------------------------------


def with_random_score() -> Recording:
    score = replace(artifact("score"), determinism="nondeterministic")
    return recording(task("start"), task("train", score))


def test_a_recorded_flow_says_what_differs_from_run_to_run(flow: FakeFlow) -> None:
    recorded = replace(
        flow,
        is_recorded=True,
        baseline=None,
        observation=observation(observed=with_random_score()),
        patterns_used=PatternsUsed(idle=("ignore: `a`",)),
    )
    for check in (code(recorded), environment(recorded), step(recorded, "train")):
        result = check.run()
        assert (result.verdict, result.nondeterministic) == ("recorded", 1)
        assert result.notes[0].startswith("differs from run to run: train.score")
        assert result.notes[1:] == ("a note",)
        assert result.idle == ("ignore: `a`",)


def test_a_check_counts_what_the_baseline_marks(flow: FakeFlow) -> None:
    assert code(replace(flow, baseline=with_random_score())).run().nondeterministic == 1


@pytest.mark.parametrize("selected", ["code", "environment", "step[train]"])
def test_one_selected_test_has_all_changes_of_a_recording(flow: FakeFlow, selected: str) -> None:
    change = Change(kind="artifact", change="added", name="x", old=None, new="1", gated=True)
    written = replace(flow.observation, recorded="updated", changes=(change,))
    recorded = replace(flow, is_recorded=True, observation=written, policy_part=selected)
    results = {
        check.part: check.run()
        for check in (code(recorded), environment(recorded), step(recorded, "train"))
    }
    assert {part for part, result in results.items() if result.changes} == {selected}
    assert {result.recorded for result in results.values()} == {"updated"}


def test_a_flow_that_failed_is_not_recorded(flow: FakeFlow) -> None:
    failed = observation(log("start", ok=False, stderr="ValueError: no rows\n"), failure="exit 1")
    recorded = replace(flow, is_recorded=True, observation=failed)
    what = "TrainFlow was not recorded: it ended with exit 1"
    for check in (code(recorded), environment(recorded)):
        result = check.run()
        assert (result.verdict, result.skipped, result.failure) == ("error", what, None)
    assert "step start of TrainFlow failed" in (step(recorded, "start").run().failure or "")


def test_a_test_of_a_flow_that_was_not_recorded_fails_if_no_other_one_does(flow: FakeFlow) -> None:
    started = log("start")
    failed = observation(started, log("train", ok=False), failure="exit 1")
    recorded = replace(flow, is_recorded=True, observation=failed)
    what = "TrainFlow was not recorded: it ended with exit 1"
    for steps in ((), ("start",)):
        selected = replace(recorded, selected_steps=steps)
        for check in (code(selected), step(selected, "start")):
            with pytest.raises(BaselineError, match=what):
                check.run()


# --- environment ----------------------------------------------------------------------


@pytest.fixture
def same_machine(flow: FakeFlow) -> FakeFlow:
    """A flow whose baseline is of this machine and of the job's own policy."""
    baseline = replace(recording(), system=system_of(), policy=policy_of(flow.job))
    rebuilt = Environments(manifests=baseline.environments, notes=("rebuilt",))
    return replace(flow, baseline=baseline, rebuilt=rebuilt)


def packages_moved(flow: FakeFlow) -> FakeFlow:
    assert flow.baseline is not None
    (base,) = flow.baseline.environments
    metaflow, numpy = base.packages
    newer = replace(base, packages=(metaflow, replace(numpy, version="2.5.0")))
    return replace(flow, rebuilt=Environments(manifests=(newer,)))


def test_an_environment_is_compared_without_a_rerun(same_machine: FakeFlow) -> None:
    result = environment(same_machine).run()
    assert (result.verdict, result.changes, result.notes) == (
        "environment reproduced",
        (),
        ("rebuilt",),
    )
    assert [stage for stage, _ in result.seconds] == ["environment"]
    assert result.idle is None, "unknown without a rerun"


def test_a_merged_baseline_is_noted_without_a_rerun_as_well(same_machine: FakeFlow) -> None:
    assert same_machine.baseline is not None
    merged = replace(same_machine, baseline=replace(same_machine.baseline, merged=True))
    first, *others = environment(merged).run().notes
    assert "the baseline is a git merge of several recordings" in first
    assert others == ["rebuilt"]


def test_a_package_that_moved_is_drift(same_machine: FakeFlow) -> None:
    result = environment(packages_moved(same_machine)).run()
    assert result.verdict == "drifted"
    assert (result.failure or "").splitlines()[0] == "TrainFlow environment drifted"
    assert [(change.name, change.new) for change in result.changes] == [("numpy", "2.5.0")]


def test_a_package_that_moved_is_shown_alone_if_it_is_not_gated(same_machine: FakeFlow) -> None:
    result = environment(replace(packages_moved(same_machine), gates=frozenset())).run()
    assert (result.verdict, len(result.changes)) == ("environment reproduced", 1)


# --- steps ----------------------------------------------------------------------------


@pytest.fixture
def failing(flow: FakeFlow) -> FakeFlow:
    """A flow whose first step fails, and writes to stderr."""
    failed = log("start", ok=False, stderr="ValueError: no rows\n")
    return replace(flow, observation=observation(failed, failure="exit code 1"))


def test_a_step_that_failed_is_an_error_with_its_output(failing: FakeFlow) -> None:
    shown: list[tuple[str, str]] = []
    result = step(failing, "start", shown).run()
    assert (result.verdict, result.in_call) == ("error", True)
    assert (result.failure or "").startswith("step start of TrainFlow failed (exit code 1)")
    assert result.seconds == (("rerun", 1.5),)
    assert "ValueError: no rows" in (result.failure or "")
    assert shown == [], "stderr is not shown twice"
    detailed = replace(failing, options=options(failing.job.root, details=True))
    step(detailed, "start", shown).run()
    assert shown == [("stderr", "ValueError: no rows\n")]


def test_a_step_that_was_not_reached_is_skipped(failing: FakeFlow) -> None:
    result = step(failing, "train").run()
    assert (result.verdict, result.failure) == ("error", None)
    assert result.skipped == "not reached: step start failed"


def test_the_first_step_that_was_not_reached_fails_if_no_other_test_does(
    failing: FakeFlow,
) -> None:
    selected = replace(failing, selected_steps=("train", "end"))
    with pytest.raises(RerunError, match="not reached: step start failed") as caught:
        step(selected, "train").run()
    assert caught.value.hint == "fix the failing step and run again"
    assert step(selected, "end").run().skipped == "not reached: step start failed"


def test_one_step_fails_for_a_flow_that_hung(flow: FakeFlow) -> None:
    hung = replace(flow, observation=observation(failure="stopped after 9 s"))
    with pytest.raises(RerunError, match="TrainFlow ended with stopped after 9 s"):
        step(hung, "start").run()
    assert step(hung, "train").run().skipped == "TrainFlow ended with stopped after 9 s"


def test_the_output_of_a_step_that_ran_is_shown(flow: FakeFlow) -> None:
    ran_train = replace(log("train"), stdout="to stdout", stderr="to stderr")
    ran = replace(flow, observation=observation(ran_train))
    shown: list[tuple[str, str]] = []
    assert step(ran, "train", shown).run().verdict == "reproduced"
    assert shown == [("stdout", "to stdout"), ("stderr", "to stderr")]


def test_a_step_of_a_flow_without_a_baseline_shows_no_output(flow: FakeFlow) -> None:
    ran = observation(replace(log("train"), stdout="hello"))
    shown: list[tuple[str, str]] = []
    result = step(replace(flow, baseline=None, observation=ran), "train", shown).run()
    assert (result.verdict, shown) == ("no baseline", [])


def test_a_step_has_the_cards_of_its_tasks(flow: FakeFlow) -> None:
    cards = tuple(
        Card(step=name, index=(), type="default", id=None, state="rendered")
        for name in ("start", "train")
    )
    rerun = replace(flow, observation=replace(flow.observation, cards=cards))

    for checked in (rerun, replace(rerun, is_recorded=True)):
        assert step(checked, "train").run().cards == cards[1:]
        assert code(checked).run().cards == ()


def test_a_step_that_failed_has_the_cards_of_its_other_tasks(failing: FakeFlow) -> None:
    card = Card(step="train", index=(0,), type="default", id=None, state="rendered")
    failed = replace(failing, observation=replace(failing.observation, cards=(card,)))

    result = step(failed, "train").run()

    assert (result.verdict, result.cards) == ("error", (card,))
