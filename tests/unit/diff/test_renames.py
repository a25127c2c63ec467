from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recordings import artifact, recording, step, task

from pytest_flowrepro.diff import diff

if TYPE_CHECKING:
    from pytest_flowrepro.model import Gate, Recording, Task

GATES: frozenset[Gate] = frozenset({"artifacts"})
STEPS = (step("start", "end", type="start"), step("end", type="end"))


def of(*tasks: Task, steps: tuple[str, ...] = ("start", "end")) -> Recording:
    names = tuple(step(name, *steps[at + 1 : at + 2]) for at, name in enumerate(steps))
    return replace(recording(*tasks), steps=names)


def lines(old: Recording, new: Recording) -> dict[str, tuple[str, ...]]:
    changes = diff(old, new, gates=GATES)
    return {f"{c.kind} {c.step}.{c.name} {c.change}": c.explanation for c in changes}


def test_an_artifact_with_an_equal_value_under_another_name_was_renamed() -> None:
    old = of(task("start", artifact("rows", 1), artifact("gone", 5)))
    new = of(task("start", artifact("count", 1), artifact("more", 6)))
    assert lines(old, new) == {
        "artifact start.rows removed": ("renamed to count, with equal results",),
        "artifact start.gone removed": (),
        "artifact start.count added": ("renamed from rows, with equal results",),
        "artifact start.more added": (),
    }


def test_a_value_that_moved_to_another_task_is_not_a_rename() -> None:
    old = of(task("start", artifact("rows", 1)), task("end"))
    new = of(task("start"), task("end", artifact("rows", 1)))
    assert set(lines(old, new).values()) == {()}


def test_each_name_is_the_other_one_of_one_rename_only() -> None:
    old = of(task("start", artifact("a", 1), artifact("b", 1)))
    new = of(task("start", artifact("c", 1)))
    assert lines(old, new)["artifact start.a removed"] == ("renamed to c, with equal results",)
    assert lines(old, new)["artifact start.b removed"] == ()


def test_a_step_with_equal_artifacts_in_all_tasks_was_renamed() -> None:
    scores = [artifact("score", 1), artifact("score", 2)]
    old = of(*(task("train", s, index=(i,)) for i, s in enumerate(scores)), steps=("train",))
    new = of(*(task("fit", s, index=(i,)) for i, s in enumerate(scores)), steps=("fit",))
    renamed = lines(old, new)
    assert renamed["step train.train removed"] == ("renamed to fit, with equal results",)
    assert renamed["step fit.fit added"] == ("renamed from train, with equal results",)
    other = of(task("fit", scores[0], index=(0,)), steps=("fit",))
    assert lines(old, other)["step train.train removed"] == ()


def test_steps_without_artifacts_are_not_called_equal() -> None:
    assert set(lines(of(task("a"), steps=("a",)), of(task("b"), steps=("b",))).values()) == {()}
