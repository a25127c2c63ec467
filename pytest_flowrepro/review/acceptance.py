"""A baseline with some changes of a check accepted. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.model import (
    PARAMETERS,
    Artifact,
    Environment,
    Recording,
    System,
    Task,
    environment_of,
)
from pytest_flowrepro.review.proposals import siblings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_flowrepro.review.last_check import LastCheck
    from pytest_flowrepro.review.proposals import Proposal


def accept(baseline: Recording, check: LastCheck, proposals: Iterable[Proposal]) -> Recording:
    """Return the baseline with the values of the check in place of those that `proposals` change.

    Everything else stays as it was, except `Artifact.sha`: it is dropped where it would not hold
    any more. An artifact keeps its determinism.
    """
    accepted = _Accepted(baseline=baseline, check=check, proposals=tuple(proposals))
    observed = check.observed
    merged = replace(
        baseline,
        policy=observed.policy if accepted.has("policy") else baseline.policy,
        code=observed.code if accepted.has("code") else baseline.code,
        steps=observed.steps if accepted.has("code") else baseline.steps,
        environments=tuple(accepted.environments()),
    )
    merged = replace(merged, system=accepted.system(merged.environments))
    shas = _Shas.known(merged, (baseline, observed))
    tasks = {key: shas.keep(task) for key, task in accepted.tasks().items()}
    position = {step.name: place for place, step in enumerate(merged.steps)}
    return replace(
        merged,
        parameters=tasks.pop((PARAMETERS, ())).artifacts,
        tasks=tuple(
            sorted(
                (task for task in tasks.values() if task.step in position),
                key=lambda task: (position[task.step], task.index),
            )
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Accepted:
    """The accepted proposals, with both sides of the comparison."""

    baseline: Recording
    check: LastCheck
    proposals: tuple[Proposal, ...]

    def has(self, kind: str, name: str = "") -> bool:
        return any((p.kind, p.name) == (kind, name) for p in self.proposals)

    def environments(self) -> Iterator[Environment]:
        """Yield the environments of the result; the code decides which there are."""
        before = {environment.name: environment for environment in self.baseline.environments}
        now = {environment.name: environment for environment in self.check.observed.environments}
        for name in now if self.has("code") else before:
            old, new = before.get(name, now.get(name)), now.get(name, before.get(name))
            assert old is not None
            assert new is not None
            steps = new.steps if self.has("code") else old.steps
            taken = self._with_lock(old, new) if self.has("environment", name) else old
            yield replace(taken, steps=steps)

    def _with_lock(self, old: Environment, new: Environment) -> Environment:
        """Return the new environment; only a fresh check has resolved the declared requirements."""
        if self.check.fresh:
            return new
        return replace(new, requirements=old.requirements, constraints=old.constraints)

    def system(self, environments: tuple[Environment, ...]) -> System:
        """Return the machine, with the BLAS of each of the resulting environments."""
        old, new = self.baseline.system, self.check.observed.system
        before, now = dict(old.blas), dict(new.blas)
        sides = (
            (e.name, now if self.has("environment", e.name) or e.name not in before else before)
            for e in environments
        )
        blas = tuple((name, side[name]) for name, side in sides if name in side)
        return replace(new if self.has("system") else old, blas=blas)

    def tasks(self) -> dict[tuple[str, tuple[int, ...]], Task]:
        """Return the tasks by step and index; the parameters are a task of their own."""
        before, now = _tasks(self.baseline), _tasks(self.check.observed)
        tasks = dict(before)
        if self.has("policy"):  # new patterns may need values in full
            tasks = {key: _with_stored(task, now.get(key)) for key, task in tasks.items()}
        for proposal in self.proposals:
            for change in proposal.changes:
                key = (change.step or PARAMETERS, change.index or ())
                if proposal.kind == "artifact":
                    new = _by_name(now.get(key)).get(change.name)
                    tasks[key] = self._with_artifact(tasks[key], change.name, new)
                elif proposal.kind == "tasks" and change.change == "removed":
                    del tasks[key]
                elif proposal.kind == "tasks":
                    empty = replace(now[key], artifacts=())
                    for artifact in now[key].artifacts:
                        empty = self._with_artifact(empty, artifact.name, artifact)
                    tasks[key] = empty
        return tasks

    def _with_artifact(self, task: Task, name: str, new: Artifact | None) -> Task:
        """Return a task with another value of an artifact, without it if that is None."""
        artifacts = _by_name(task)
        old = artifacts.pop(name, None)
        if new is not None:
            artifacts[name] = self._as_recorded(task.step, old, new)
        return replace(task, artifacts=tuple(artifacts[name] for name in sorted(artifacts)))

    def _as_recorded(self, step: str, old: Artifact | None, new: Artifact) -> Artifact:
        """Return a value of the check as a recording has it, by its recorded value or siblings."""
        known = (old,) if old is not None else siblings(self.baseline, step, new.name)
        determinism = known[0].determinism
        if determinism == "nondeterministic":
            return Artifact(
                name=new.name, type=new.type, digest="", value=None, determinism=determinism
            )
        repeats = all(artifact.sha is not None for artifact in known)  # not every pickle does
        return replace(new, determinism=determinism, sha=new.sha if repeats else None)


def _tasks(recording: Recording) -> dict[tuple[str, tuple[int, ...]], Task]:
    parameters = Task(step=PARAMETERS, index=(), artifacts=recording.parameters)
    return {(task.step, task.index): task for task in (parameters, *recording.tasks)}


def _by_name(task: Task | None) -> dict[str, Artifact]:
    return {artifact.name: artifact for artifact in task.artifacts} if task else {}


def _with_stored(task: Task, now: Task | None) -> Task:
    """Return a task whose unchanged values are stored as in the check."""
    observed = _by_name(now)

    def stored(old: Artifact) -> Artifact:
        new = observed.get(old.name)
        if new is None or new.digest != old.digest:
            return old
        return replace(old, value=new.value, stored=new.stored, picture=new.picture)

    return replace(task, artifacts=tuple(map(stored, task.artifacts)))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shas:
    """The SHAs of pickles that hold in a recording.

    A SHA means the value that was read from that pickle by an interpreter and packages, on a
    machine. So those of another recording hold only in the steps that have these in common with it.
    """

    of: Mapping[str, frozenset[tuple[str, str | None]]]
    """Step -> digest and SHA of each artifact, in the recordings whose conditions it has."""

    @classmethod
    def known(cls, merged: Recording, sides: tuple[Recording, Recording]) -> _Shas:
        found: dict[str, set[tuple[str, str | None]]] = {}
        for side in sides:
            for task in _tasks(side).values():
                if _conditions(task.step, side) == _conditions(task.step, merged):
                    of_step = found.setdefault(task.step, set())
                    of_step.update((artifact.digest, artifact.sha) for artifact in task.artifacts)
        return cls(of={step: frozenset(pairs) for step, pairs in found.items()})

    def keep(self, task: Task) -> Task:
        """Return a task without the SHAs that do not hold."""
        pairs = self.of.get(task.step, frozenset())
        artifacts = (
            artifact if (artifact.digest, artifact.sha) in pairs else replace(artifact, sha=None)
            for artifact in task.artifacts
        )
        return replace(task, artifacts=tuple(artifacts))


def _conditions(step: str, recording: Recording) -> object:
    """Return what the value of a pickle depends on: the machine, interpreter and packages."""
    environment = environment_of(step, recording.environments)
    return recording.system, environment and (environment.python, environment.packages)
