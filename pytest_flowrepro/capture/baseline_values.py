"""The values in a baseline that a check does not have to read again."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_flowrepro.model import PARAMETERS, Task, environment_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pytest_flowrepro.model import Environment, Recording, System
    from pytest_flowrepro.support.strict_json import Json


@dataclass(frozen=True, kw_only=True)
class Known:
    """The values of a baseline."""

    tasks: tuple[Task, ...] = ()
    """The tasks; the parameters are a task of the step `_parameters`."""
    settled: frozenset[str] = frozenset()
    """The steps whose environment is unchanged: there an equal pickle is an equal value."""

    @cached_property
    def digests(self) -> frozenset[str]:
        return frozenset(artifact.digest for task in self.tasks for artifact in task.artifacts)

    @cached_property
    def files(self) -> dict[str, tuple[Path | None, Path | None]]:
        """The files with the full value and with the picture, by digest."""
        return {
            artifact.digest: (artifact.stored, artifact.picture)
            for task in self.tasks
            for artifact in task.artifacts
            if artifact.stored is not None or artifact.picture is not None
        }

    def stored(self) -> tuple[str, ...]:
        """Return a glob over `step.artifact` for each artifact whose value is kept whole."""
        names = {
            f"{task.step}.{artifact.name}"
            for task in self.tasks
            for artifact in task.artifacts
            if artifact.stored is not None
        }
        return tuple(glob.escape(name) for name in sorted(names))

    def unchanged_values(self, steps: Collection[str]) -> dict[str, Json]:
        """Return, by `Artifact.sha`, the values that need not be loaded in the settled `steps`."""
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
    baseline: Recording, *, environments: tuple[Environment, ...], system: System
) -> Known:
    """Return the values of the baseline, for a check in `environments`."""
    before = Task(step=PARAMETERS, index=(), artifacts=baseline.parameters)
    tasks = (before, *baseline.tasks)
    same = {
        step
        for step in {task.step for task in tasks}
        if _environment_contents(step, environments)
        == _environment_contents(step, baseline.environments)
    }
    # In a merged baseline, a pickle and its step's environment may be of different recordings.
    as_recorded = system == baseline.system and not baseline.merged
    return Known(tasks=tasks, settled=frozenset(same if as_recorded else ()))


def _environment_contents(step: str, environments: tuple[Environment, ...]) -> object:
    """Return the interpreter and the packages of a step."""
    environment = environment_of(step, environments)
    return environment and (environment.python, environment.packages)
