"""The graph of a flow, with the state of each step in a comparison. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.model import GraphStep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.model import Change, Step, StepState, TaskLog


def compared_graph(
    steps: Iterable[Step], changes: Iterable[Change], logs: Iterable[TaskLog], *, failed: bool
) -> tuple[GraphStep, ...]:
    """Return the steps with the state that `changes` and the logs of the rerun give them.

    `failed`: the rerun did not end well, for which the tasks that did not succeed are the reason.
    """
    changes, logs = tuple(changes), tuple(logs)
    broken = {log.step for log in logs if not log.ok}
    begun = {log.step for log in logs}

    def state_of(step: str) -> StepState:
        if failed and step in broken:
            return "failed"
        if step not in begun:
            return "not reached"
        return _state_by_changes(change for change in changes if change.step == step)

    return tuple(_graph_step(step, state_of(step.name)) for step in steps)


def uncompared_graph(steps: Iterable[Step]) -> tuple[GraphStep, ...]:
    """Return the steps of a flow of which nothing was compared."""
    return tuple(_graph_step(step, "not compared") for step in steps)


def _state_by_changes(changes: Iterable[Change]) -> StepState:
    changes = tuple(changes)
    for change in changes:
        if change.kind == "step" and change.index is None and change.change in {"added", "removed"}:
            return "added" if change.change == "added" else "removed"
    origins = {change.origin for change in changes}
    if "first" in origins:
        return "origin"
    return "downstream" if "derived" in origins else "unchanged"


def _graph_step(step: Step, state: StepState) -> GraphStep:
    return GraphStep(name=step.name, type=step.type, next=step.next, state=state)
