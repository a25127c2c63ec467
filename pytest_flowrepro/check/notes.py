"""What the reader of a report should know beside the differences, a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.check.images import REMOTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import Step, Task, TaskLog


def ran_here_instead(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        for one in step.decorators:
            if one.name in REMOTE:
                where = f"the flow sends it elsewhere (@{one.name})"
                yield f"step {step.name} ran on this machine; {where}"


def repeated_attempts(logs: tuple[TaskLog, ...]) -> Iterator[str]:
    for log in logs:
        if log.attempts > 1:
            yield f"step {log.title} took {log.attempts} attempts"


def broken_cards(tasks: tuple[Task, ...]) -> Iterator[str]:
    """Of those that reproduce, too: a card that was broken when it was recorded."""
    for task in tasks:
        for artifact in task.artifacts:
            if artifact.type == "metaflow.card" and artifact.value != "rendered":
                yield f"step {task.title}: {artifact.name} did not render ({artifact.value})"
