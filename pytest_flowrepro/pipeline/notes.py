"""Notes of a report about artifacts, besides the differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.model import PARAMETERS
from pytest_flowrepro.model.patterns import quoted
from pytest_flowrepro.pipeline.images import REMOTE
from pytest_flowrepro.support.docs import docs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import Step, Task, TaskLog
    from pytest_flowrepro.model.patterns import Patterns


def local_fallback_notes(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        for decorator in step.decorators:
            if decorator.name in REMOTE:
                where = f"the flow sends it elsewhere (@{decorator.name})"
                yield f"step {step.name} ran on this machine; {where}"


def repeated_attempts(logs: tuple[TaskLog, ...]) -> Iterator[str]:
    for log in logs:
        if log.attempts > 1:
            yield f"step {log.title} took {log.attempts} attempts"


def broken_cards(tasks: tuple[Task, ...]) -> Iterator[str]:
    """Yield a note for each broken card, also for one that was broken when it was recorded."""
    for task in tasks:
        for artifact in task.artifacts:
            states = set(str(artifact.value).split(", "))
            if artifact.type == "metaflow.card" and states != {"rendered"}:
                yield f"step {task.title}: {artifact.name} did not render ({artifact.value})"


def compared_by_bytes(tasks: tuple[Task, ...], patterns: Patterns) -> Iterator[str]:
    """Yield a note for each artifact that could not be read, whether it differs or not.

    One note is for all tasks of a step.
    """
    reasons: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for task in tasks:
        for artifact in task.artifacts:
            if (why := artifact.opaque_reason) is not None:
                reasons.setdefault((task.step, artifact.name), []).append((task.title, why))
    see = f"; see {docs('how-to/teach-it-your-rules#encoders')}"  # once
    for (step, name), ((title, why), *more) in reasons.items():
        if not patterns.ignores(step, name):
            more_tasks = f" and {len(more):,} more of its tasks" if more else ""
            where = "parameter" if step == PARAMETERS else f"step {title}{more_tasks}:"
            pattern = f"{quoted(step)}.{quoted(name)}"
            yield (
                f"{where} {name} is compared by its pickle only ({why}); fix this, or ignore it "
                f'with ignore = ["{pattern}"]{see}'
            )
            see = ""
