"""Which artifacts are the same in every rerun, and which only under one hash seed. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from pytest_flowrepro.model import Artifact, Task

TaskKey: TypeAlias = tuple[str, tuple[int, ...]]
"""Step and foreach index path."""
ArtifactKey: TypeAlias = tuple[str, tuple[int, ...], str]
"""Step, foreach index path and name."""


def differing(one: tuple[Task, ...], other: tuple[Task, ...]) -> tuple[ArtifactKey, ...]:
    """The artifacts whose digests differ or that are in one run only, sorted.

    A task that is in one run only and has no artifacts is there under the name "".
    """
    digests = _digests(one).items() ^ _digests(other).items()
    return tuple(sorted({key for key, _ in digests}))


def with_determinism(
    seed0: tuple[Task, ...], seed1: tuple[Task, ...], again0: tuple[Task, ...] | None
) -> tuple[Task, ...]:
    """The tasks of `seed0` in their order, each artifact with its determinism.

    `seed0` and `again0` ran under hash seed 0, `seed1` under another; without `again0` whatever
    differs counts as nondeterministic. An artifact that is nondeterministic keeps neither digest
    nor value, so that two recordings of it are the same. What `again0` alone has is added. The SHA
    of a pickle stays where `seed1` has the same: not every value is pickled in one way only.
    """
    again = seed1 if again0 is None else again0
    seeded, random = set(differing(seed0, seed1)), set(differing(seed0, again))
    shas = {(task.step, task.index, a.name): a.sha for task in seed1 for a in task.artifacts}
    tasks: dict[TaskKey, dict[str, Artifact]] = {}
    for task in seed0:
        found = tasks.setdefault((task.step, task.index), {})
        for artifact in task.artifacts:
            key = (task.step, task.index, artifact.name)
            found[artifact.name] = replace(
                artifact,
                determinism="hash-seed" if key in seeded else artifact.determinism,
                sha=artifact.sha if shas.get(key) == artifact.sha else None,
            )
    for task in (*seed0, *again):
        found = tasks.setdefault((task.step, task.index), {})
        for artifact in task.artifacts:
            if (task.step, task.index, artifact.name) in random:
                found[artifact.name] = _random(artifact, found.get(artifact.name))
    steps = list(dict.fromkeys(step for step, _ in tasks))
    return tuple(
        Task(step=step, index=index, artifacts=tuple(found[name] for name in sorted(found)))
        for (step, index), found in sorted(
            tasks.items(), key=lambda entry: (steps.index(entry[0][0]), entry[0][1])
        )
    )


def _digests(tasks: tuple[Task, ...]) -> dict[ArtifactKey, str]:
    digests = {(task.step, task.index, ""): "" for task in tasks if not task.artifacts}
    for task in tasks:
        for artifact in task.artifacts:
            digests[task.step, task.index, artifact.name] = artifact.digest
    return digests


def _random(artifact: Artifact, other: Artifact | None) -> Artifact:
    return Artifact(
        name=artifact.name,
        type=artifact.type if other is None or other.type == artifact.type else "",
        digest="",
        value=None,
        determinism="nondeterministic",
    )
