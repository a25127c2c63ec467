"""Which artifacts are the same in every rerun, and which only under one hash seed. Pure.

"The same" is what the caller says of two artifacts whose digests differ, given the step: the rules
of a flow may let differences inside a value pass.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_flowrepro.model import Artifact, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    Same: TypeAlias = "Callable[[str, Artifact, Artifact], bool]"

TaskKey: TypeAlias = tuple[str, tuple[int, ...]]
"""Step and foreach index path."""
ArtifactKey: TypeAlias = tuple[str, tuple[int, ...], str]
"""Step, foreach index path and name."""


def by_digest(step: str, one: Artifact, other: Artifact) -> bool:  # noqa: ARG001
    return one.digest == other.digest


def differing(
    one: tuple[Task, ...], other: tuple[Task, ...], same: Same = by_digest
) -> tuple[ArtifactKey, ...]:
    """The artifacts that are not the same or that are in one run only, sorted.

    A task that is in one run only and has no artifacts is there under the name "".
    """
    before, now = _artifacts(one), _artifacts(other)

    def differs(key: ArtifactKey) -> bool:
        if key not in before or key not in now:
            return True
        a, b = before[key], now[key]
        return a is not None and b is not None and not same(key[0], a, b)

    return tuple(sorted(filter(differs, before.keys() | now.keys())))


def with_determinism(
    seed0: tuple[Task, ...],
    seed1: tuple[Task, ...],
    again0: tuple[Task, ...] | None,
    *,
    same: Same = by_digest,
) -> tuple[Task, ...]:
    """The tasks of `seed0` in their order, each artifact with its determinism.

    `seed0` and `again0` ran under hash seed 0, `seed1` under another; without `again0` whatever
    differs counts as nondeterministic. An artifact that is nondeterministic keeps neither digest
    nor value, so that two recordings of it are the same. What `again0` alone has is added. The SHA
    of a pickle stays where `seed1` has the same: not every value is pickled in one way only.
    """
    again = seed1 if again0 is None else again0
    seeded, random = set(differing(seed0, seed1, same)), set(differing(seed0, again, same))
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


def _artifacts(tasks: tuple[Task, ...]) -> dict[ArtifactKey, Artifact | None]:
    found: dict[ArtifactKey, Artifact | None] = {}
    for task in tasks:
        if not task.artifacts:
            found[task.step, task.index, ""] = None
        for artifact in task.artifacts:
            found[task.step, task.index, artifact.name] = artifact
    return found


def _random(artifact: Artifact, other: Artifact | None) -> Artifact:
    return Artifact(
        name=artifact.name,
        type=artifact.type if other is None or other.type == artifact.type else "",
        digest="",
        value=None,
        determinism="nondeterministic",
    )
