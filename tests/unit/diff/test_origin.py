from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from recordings import step, task

from pytest_flowrepro.diff.origin import mark_origins, mark_tasks
from pytest_flowrepro.model import Change

if TYPE_CHECKING:
    from pytest_flowrepro.model import Step


def changed(place: str, name: str = "x") -> Change:
    """`work[1,0]`, `work` outside of a foreach."""
    name_of_step, _, path = place.partition("[")
    index = tuple(int(number) for number in path.rstrip("]").split(",") if number)
    return Change(
        kind="artifact",
        change="changed",
        name=name,
        old="1",
        new="2",
        gated=True,
        step=name_of_step,
        index=index,
    )


def other(kind: str, name: str = "alpha", index: tuple[int, ...] | None = None) -> Change:
    step = name if kind == "step" else None
    return Change(
        kind=kind,  # type: ignore[arg-type]
        change="added" if kind == "step" else "changed",
        name=name,
        old=None,
        new="1",
        gated=True,
        step=step,
        index=index,
    )


LINE = (step("start", "train", type="start"), step("train", "end"), step("end", type="end"))
BRANCHES = (
    step("start", "left", "right", type="split"),
    step("left", "join"),
    step("right", "join"),
    step("join", "end", type="join"),
    step("end", type="end"),
)
NESTED = (
    step("start", "region", type="foreach"),
    step("region", "site", type="foreach"),
    step("site", "sum_region"),
    step("sum_region", "sum", type="join"),
    step("sum", "again", type="join"),
    step("again", "other", type="foreach"),
    step("other", "last"),
    step("last", "end", type="join"),
    step("end", type="end"),
)
LOOP = (
    step("start", "item", type="foreach"),
    step("item", "grind", "wrap", type="split-switch"),
    step("grind", "grind", "buff", type="split-switch"),
    step("buff", "buff", "wrap", type="split-switch"),
    step("wrap", "end", type="linear"),
    step("end", type="join"),
)

# What differs in which graph, and which of it comes first.
FIRST: list[tuple[tuple[Step, ...], list[str], list[str]]] = [
    (LINE, ["start", "train", "end"], ["start"]),
    (LINE, ["train", "end"], ["train"]),
    (LINE, ["start", "end"], ["start"]),
    (BRANCHES, ["left", "right", "join"], ["left", "right"]),
    (BRANCHES, ["left", "end"], ["left"]),
    # Each turn of a foreach by itself; the inner ones descend from their own outer one.
    (NESTED, ["region[0]", "site[0,1]", "site[1,0]"], ["region[0]", "site[1,0]"]),
    (NESTED, ["site[0,0]", "site[1,0]", "sum_region[0]"], ["site[0,0]", "site[1,0]"]),
    (NESTED, ["site[0,0]", "sum_region[0]", "sum_region[1]"], ["site[0,0]", "sum_region[1]"]),
    # A join descends from all of them, and so does every turn of a foreach after it.
    (NESTED, ["site[1,0]", "sum", "other[0]"], ["site[1,0]"]),
    (NESTED, ["region[3]", "other[0]", "other[1]"], ["region[3]"]),
    # A step that loops to itself: a pass descends from the passes before it.
    (LOOP, ["grind[0,0]", "grind[0,1]", "grind[1,1]"], ["grind[0,0]", "grind[1,1]"]),
    (LOOP, ["grind[0,2]", "buff[0,0]", "buff[1,0]", "wrap[0]"], ["grind[0,2]", "buff[1,0]"]),
    # A baseline that was edited by hand.
    ((step("a", "b"), step("b", "a")), ["a", "b"], []),
    ((), ["gone", "gone[1]"], ["gone", "gone[1]"]),
]


@pytest.mark.parametrize(("steps", "places", "first"), FIRST)
def test_first_is_what_no_task_before_it_explains(
    steps: tuple[Step, ...], places: list[str], first: list[str]
) -> None:
    changes = [changed(place) for place in places]
    marked = mark_origins(changes, steps)
    assert {change.origin for change in marked} <= {"first", "derived"}
    found = [place for place, one in zip(places, marked, strict=True) if one.origin == "first"]
    assert found == first


def test_artifacts_of_one_task_are_first_together() -> None:
    marked = mark_origins([changed("train", "model"), changed("train", "score")], LINE)
    assert [change.origin for change in marked] == ["first", "first"]


def test_a_parameter_comes_before_everything_and_code_and_packages_explain_nothing() -> None:
    code, package = other("code", "train.py"), other("package", "numpy")
    marked = mark_origins([code, package, changed("start")], LINE)
    assert [change.origin for change in marked] == [None, None, "first"]
    marked = mark_origins([other("parameter"), changed("start")], LINE)
    assert [change.origin for change in marked] == ["first", "derived"]


def test_a_task_that_came_is_a_difference_and_a_step_that_came_is_code() -> None:
    task_came = other("step", "train", index=())
    marked = mark_origins([task_came, changed("end")], LINE)
    assert [change.origin for change in marked] == ["first", "derived"]
    marked = mark_origins([other("step", "train"), changed("end")], LINE)
    assert [change.origin for change in marked] == [None, "first"]


def test_a_step_that_is_gone_still_comes_before_what_it_led_to() -> None:
    now = (step("start", "end"), step("end"))
    marked = mark_origins([other("step", "train", index=()), changed("end")], (*now, *LINE))
    assert [change.origin for change in marked] == ["first", "derived"]


def test_each_change_in_a_foreach_is_one_of_the_tasks_of_both_sides() -> None:
    tasks = [task("work", index=(0,)), task("work", index=(1,)), task("work", index=(1,))]
    marked = mark_tasks([changed("work[1]"), changed("start"), other("code")], tasks)
    assert [change.tasks for change in marked] == [(1, 2), None, None]
