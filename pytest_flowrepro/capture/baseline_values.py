"""What a check knows of the values before it reads any: those of its baseline."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_flowrepro.model import PARAMETERS, Task

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from pytest_flowrepro.model import Environment, Recording, System
    from pytest_flowrepro.support.strict_json import Json


@dataclass(frozen=True, kw_only=True)
class Known:
    """The values of a baseline."""

    tasks: tuple[Task, ...] = ()
    """The parameters among them, as a task of the step `_parameters`."""
    settled: frozenset[str] = frozenset()
    """The steps whose environment is as it was: there an equal pickle is an equal value."""

    @cached_property
    def digests(self) -> frozenset[str]:
        return frozenset(artifact.digest for task in self.tasks for artifact in task.artifacts)

    @cached_property
    def files(self) -> dict[str, Path]:
        """Digest -> the file that holds the whole value."""
        return {
            artifact.digest: artifact.stored
            for task in self.tasks
            for artifact in task.artifacts
            if artifact.stored is not None
        }

    def stored(self) -> tuple[str, ...]:
        """A glob over `step.artifact` for each artifact whose value is kept whole."""
        names = {
            f"{task.step}.{artifact.name}"
            for task in self.tasks
            for artifact in task.artifacts
            if artifact.stored is not None
        }
        return tuple(glob.escape(name) for name in sorted(names))

    def settles(self, steps: Collection[str]) -> dict[str, Json]:
        """By `Artifact.sha`: what need not be loaded in those of the steps that are settled."""
        return {
            artifact.sha: {
                "type": artifact.type,
                "digest": artifact.digest,
                "value": artifact.value,
                "opaque": artifact.opaque,
                "sha": artifact.sha,
                **({"structure": artifact.structure} if artifact.structure else {}),
            }
            for task in self.tasks
            if task.step in self.settled and task.step in steps
            for artifact in task.artifacts
            if artifact.sha is not None and artifact.determinism != "nondeterministic"
        }


NOTHING_KNOWN = Known()


def known_from(
    baseline: Recording, *, environments: Iterable[Environment], system: System
) -> Known:
    """What a check in these environments, the flow's own first, knows from its baseline."""
    new, old = _by_step(environments), _by_step(baseline.environments)
    before = Task(step=PARAMETERS, index=(), artifacts=baseline.parameters)
    tasks = (before, *baseline.tasks)
    same = {
        task.step
        for task in tasks
        if new.get(task.step, new[None]) == old.get(task.step, old[None])
    }
    # A pickle of one of two merged recordings may have come about in the environment of the other.
    as_recorded = system == baseline.system and not baseline.merged
    return Known(tasks=tasks, settled=frozenset(same if as_recorded else ()))


def _by_step(environments: Iterable[Environment]) -> dict[str | None, object]:
    """Interpreter and packages of the steps; None is every step that has none of its own."""
    found: dict[str | None, object] = {None: None}
    for one in environments:
        found |= dict.fromkeys(one.steps or (None,), (one.python, one.packages))
    return found
