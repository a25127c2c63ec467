from __future__ import annotations

from dataclasses import replace

from flow_reports import SCORE
from recordings import log, step

from pytest_flowrepro.diff import compared_graph, uncompared_graph
from pytest_flowrepro.model import Change

STEPS = (step("start", "train"), step("train", "end"), step("end"))
TRAIN = replace(SCORE, index=(), origin="first")
END = replace(SCORE, step="end", index=(), origin="derived")


def states(*changes: Change, reached: str = "start train end", failed: str = "") -> dict[str, str]:
    logs = [replace(log(name), ok=name not in failed.split()) for name in reached.split()]
    graph = compared_graph(STEPS, changes, logs, failed=bool(failed))
    return {found.name: found.state for found in graph}


def test_a_step_has_the_state_of_its_changes() -> None:
    assert states() == {"start": "unchanged", "train": "unchanged", "end": "unchanged"}
    assert states(TRAIN, END) == {"start": "unchanged", "train": "origin", "end": "downstream"}


def test_a_step_with_an_origin_is_one_whatever_else_changed_in_it() -> None:
    also = replace(TRAIN, name="loss", origin="derived")
    assert states(also, TRAIN)["train"] == "origin"


def test_changes_of_the_graph_alone_do_not_change_results() -> None:
    moved = Change(
        kind="step", change="changed", name="train", step="train", old=None, new=None, gated=False
    )
    assert states(moved)["train"] == "unchanged"


def test_a_step_that_the_baseline_does_not_have_is_added() -> None:
    added = Change(
        kind="step", change="added", name="train", step="train", old=None, new="linear", gated=True
    )
    assert states(added, TRAIN)["train"] == "added"
    assert states(replace(added, change="removed"))["train"] == "removed"
    task = replace(added, index=(3,), origin="first")
    assert states(task)["train"] == "origin", "one more task of a foreach"


def test_a_failed_run_shows_where_it_ended() -> None:
    assert states(TRAIN, reached="start train", failed="train") == {
        "start": "unchanged",
        "train": "failed",
        "end": "not reached",
    }


def test_a_step_that_a_switch_left_out_was_not_reached() -> None:
    assert states(reached="start end")["train"] == "not reached"


def test_a_task_whose_failure_the_flow_caught_has_the_state_of_its_changes() -> None:
    graph = compared_graph(STEPS, (TRAIN,), [replace(log("train"), ok=False)], failed=False)
    assert graph[1].state == "origin"


def test_without_a_rerun_nothing_is_said_of_the_steps() -> None:
    graph = uncompared_graph(STEPS)
    assert [(found.name, found.next, found.state) for found in graph] == [
        ("start", ("train",), "not compared"),
        ("train", ("end",), "not compared"),
        ("end", (), "not compared"),
    ]
