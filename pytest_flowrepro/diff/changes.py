"""The differences between two recordings of a flow. Pure.

The digests alone decide: equal digests are equal values, and everything else is a change, even
one that nobody can explain.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pytest_flowrepro.diff.explain import explain
from pytest_flowrepro.diff.value_tree import one_line
from pytest_flowrepro.model import (
    Artifact,
    Change,
    CodeFile,
    Decorator,
    Determinism,
    Environment,
    Gate,
    Package,
    Recording,
    Step,
    System,
    Task,
)
from pytest_flowrepro.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

K = TypeVar("K")
T = TypeVar("T")

PARAMETERS = "_parameters"
"""The step that parameters belong to, as Metaflow itself names it."""


def diff(
    old: Recording,
    new: Recording,
    *,
    gates: frozenset[Gate],
    ignore: tuple[str, ...] = (),
) -> tuple[Change, ...]:
    """Every difference, in the order code, environments, system, steps, parameters, artifacts.

    `ignore` holds globs over `step.artifact`, with `_parameters` as the step of a parameter; what
    they match is left out.
    """
    return (
        *diff_code(old.code, new.code, gates=gates),
        *diff_environments(old.environments, new.environments, gates=gates),
        *diff_system(old.system, new.system, gates=gates),
        *diff_steps(old.steps, new.steps, gates=gates),
        *diff_artifacts(old, new, gates=gates, ignore=ignore),
    )


def diff_code(
    old: tuple[CodeFile, ...], new: tuple[CodeFile, ...], *, gates: frozenset[Gate]
) -> tuple[Change, ...]:
    """Files of the code package, by content."""
    before = {file.path: file.sha256 for file in old}
    now = {file.path: file.sha256 for file in new}
    return tuple(
        Change(
            kind="code",
            change=_change(a, b),
            name=path,
            old=a[:12] if a else None,
            new=b[:12] if b else None,
            gated="code" in gates,
        )
        for path, a, b in _paired(before, now)
        if a != b
    )


def diff_environments(
    old: tuple[Environment, ...], new: tuple[Environment, ...], *, gates: frozenset[Gate]
) -> tuple[Change, ...]:
    """Interpreters and packages, environment by environment."""
    before = {environment.name: environment for environment in old}
    now = {environment.name: environment for environment in new}
    changes: list[Change] = []
    for name, a, b in _paired(before, now):
        if not a or not b or a.python != b.python:
            python = Change(
                kind="python",
                change=_change(a, b),
                name="python",
                old=(a.python if b else _contents(a)) if a else None,
                new=(b.python if a else _contents(b)) if b else None,
                gated="environment" in gates,
                environment=name,
            )
            changes.append(python)
        if a and b:
            changes += _requirements(a, b, gates)
            changes += _packages(a, b, gates)
    return tuple(changes)


def _contents(environment: Environment) -> str:
    return f"{environment.python}, {_count(len(environment.packages), 'package')}"


def _requirements(old: Environment, new: Environment, gates: frozenset[Gate]) -> Iterator[Change]:
    """What the flow declares: a lock that is older than that proves nothing about it."""
    before, now = (_declared(side.requirements) for side in (old, new))
    for name, a, b in _paired(before, now):
        if a != b:
            yield Change(
                kind="package",
                change=_change(a, b),
                name=f"requirement {name}",
                old=a,
                new=b,
                gated="environment" in gates,
                environment=old.name,
                explanation=("declared otherwise since the lock was recorded: record again",),
            )


def _declared(requirements: tuple[str, ...]) -> dict[str, str]:
    """Canonical name -> what is asked of it, under each of its markers."""
    declared: dict[str, list[str]] = {}
    for line in requirements:
        declared.setdefault(canonicalize_name(Requirement(line).name), []).append(line)
    return {name: "; ".join(sorted(lines)) for name, lines in declared.items()}


def _packages(old: Environment, new: Environment, gates: frozenset[Gate]) -> Iterator[Change]:
    before = {package.name: package for package in old.packages}
    now = {package.name: package for package in new.packages}
    for name, a, b in _paired(before, now):
        if a and b and _identity(a) == _identity(b):
            continue
        yield Change(
            kind="package",
            change=_change(a, b),
            name=name,
            old=a.version if a else None,
            new=b.version if b else None,
            gated="environment" in gates,
            environment=old.name,
            explanation=_same_version(a, b) if a and b and a.version == b.version else (),
        )


def _identity(package: Package) -> tuple[str, str, str | None]:
    return package.version, package.record, package.direct_url


def _same_version(old: Package, new: Package) -> tuple[str, ...]:
    lines = []
    if old.record != new.record:
        lines.append(f"same version, other files: RECORD {old.record[:19]} -> {new.record[:19]}")
    if old.direct_url != new.direct_url:
        lines.append(f"direct_url: {old.direct_url or 'none'} -> {new.direct_url or 'none'}")
    return tuple(map(visible, lines))


def diff_system(old: System, new: System, *, gates: frozenset[Gate]) -> tuple[Change, ...]:
    """Platform, machine and C library."""
    return tuple(
        Change(kind="system", change="changed", name=name, old=a, new=b, gated="system" in gates)
        for name in ("platform", "machine", "libc")
        if (a := getattr(old, name)) != (b := getattr(new, name))
    )


def diff_steps(
    old: tuple[Step, ...], new: tuple[Step, ...], *, gates: frozenset[Gate]
) -> tuple[Change, ...]:
    """Steps of the graph: those added and removed, and those whose place or decorators changed."""
    before, now = ({step.name: step for step in side} for side in (old, new))
    changes = []
    for name, a, b in _paired(before, now):
        if a == b:
            continue
        lines = tuple(_step_lines(a, b)) if a and b else ()
        changes.append(
            Change(
                kind="step",
                change=_change(a, b),
                name=name,
                old=a.type if a else None,
                new=b.type if b else None,
                gated=("code" if a and b else "artifacts") in gates,
                step=name,
                explanation=tuple(map(visible, lines)),
            )
        )
    return tuple(changes)


def _step_lines(old: Step, new: Step) -> Iterator[str]:
    if old.next != new.next:
        yield f"next: {', '.join(old.next) or 'none'} -> {', '.join(new.next) or 'none'}"
    if [d.name for d in old.decorators] != [d.name for d in new.decorators]:
        names = [" ".join(f"@{d.name}" for d in s.decorators) or "none" for s in (old, new)]
        yield f"decorators: {names[0]} -> {names[1]}"
        return
    for a, b in zip(old.decorators, new.decorators, strict=True):
        if a != b:
            yield from _attribute_lines(a, b)


def _attribute_lines(old: Decorator, new: Decorator) -> Iterator[str]:
    if isinstance(old.attributes, dict) and isinstance(new.attributes, dict):
        for name, a, b in _paired(old.attributes, new.attributes):
            if a != b:
                yield f"@{old.name} {name}: {json.dumps(a)} -> {json.dumps(b)}"
    else:
        yield f"@{old.name}: {json.dumps(old.attributes)} -> {json.dumps(new.attributes)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rules:
    gates: frozenset[Gate]
    ignore: tuple[str, ...]
    runs: int
    """How many reruns the determinism in the new recording rests on; a check makes one."""

    def ignored(self, step: str, name: str) -> bool:
        return any(fnmatchcase(f"{step}.{name}", glob) for glob in self.ignore)

    def gated(self, determinism: Determinism) -> bool:
        gate: Gate = "nondeterminism" if determinism == "nondeterministic" else "artifacts"
        return gate in self.gates


def diff_artifacts(
    old: Recording, new: Recording, *, gates: frozenset[Gate], ignore: tuple[str, ...] = ()
) -> tuple[Change, ...]:
    """Parameters, then the tasks' artifacts; a task on one side only is a change of its step.

    What the baseline marks as nondeterministic cannot be compared: it is a change only when
    "nondeterminism" is gated, when it came or went, or when `new` rests on several reruns and
    calls it something else. A task that comes or goes counts as nondeterministic itself when all
    its artifacts do, or when a nondeterministic switch or foreach decides that it runs. The tasks
    of a step that is itself new or gone are left to `diff_steps`.
    """
    rules = _Rules(gates=gates, ignore=ignore, runs=new.runs)
    before, now = (
        Task(step=PARAMETERS, index=(), artifacts=side.parameters) for side in (old, new)
    )
    changes = [
        replace(change, kind="parameter", step=None, index=None)
        for change in _artifacts(before, now, rules)
    ]
    both = {step.name for step in old.steps} & {step.name for step in new.steps}
    tasks, others = (
        {(task.step, task.index): task for task in side.tasks if task.step in both}
        for side in (old, new)
    )
    by_chance = _decided_by_chance(old) | _decided_by_chance(new)
    for _, a, b in _paired(tasks, others):
        if a and b:
            changes += _artifacts(a, b, rules)
        elif task := a or b:
            changes += _lone_task(a, b, rules, by_chance=task.step in by_chance)
    return tuple(changes)


def _decided_by_chance(recording: Recording) -> frozenset[str]:
    """The steps that come after a switch or foreach which sets something nondeterministic.

    Which of their tasks there are may differ from run to run. It is known by the step that
    decides, as a task may set nothing, and one that did not run yet has no determinism.
    """
    random = {
        task.step
        for task in recording.tasks
        if any(artifact.determinism == "nondeterministic" for artifact in task.artifacts)
    }
    following = {step.name: step.next for step in recording.steps}
    deciding = {s.name for s in recording.steps if s.type in {"split-switch", "foreach"}}
    pending = [name for step in deciding & random for name in following[step]]
    reached: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += following.get(name, ())
    return frozenset(reached)


def _lone_task(
    old: Task | None, new: Task | None, rules: _Rules, *, by_chance: bool
) -> Iterator[Change]:
    task = old or new
    assert task is not None
    # `step.*` is also about a task that sets nothing.
    if all(rules.ignored(task.step, name) for name in _names(task)):
        return
    kept = [a for a in task.artifacts if not rules.ignored(task.step, a.name)]
    random = by_chance or (kept and all(a.determinism == "nondeterministic" for a in kept))
    determinism: Determinism = "nondeterministic" if random else "deterministic"
    yield Change(
        kind="step",
        change=_change(old, new),
        name=task.step,
        old=f"a task with {_count(len(old.artifacts), 'artifact')}" if old else None,
        new=f"a task with {_count(len(new.artifacts), 'artifact')}" if new else None,
        gated=rules.gated(determinism),
        step=task.step,
        index=task.index,
        determinism=determinism,
    )


def _names(task: Task) -> tuple[str, ...]:
    """Of its artifacts; a task that sets nothing is there under the name ""."""
    return tuple(artifact.name for artifact in task.artifacts) or ("",)


def _artifacts(old: Task, new: Task, rules: _Rules) -> Iterator[Change]:
    before = {artifact.name: artifact for artifact in old.artifacts}
    now = {artifact.name: artifact for artifact in new.artifacts}
    for name, a, b in _paired(before, now):
        if rules.ignored(old.step, name) or (a and b and not _differs(a, b, rules)):
            continue
        known = a or b
        assert known is not None
        yield Change(
            kind="artifact",
            change=_change(a, b),
            name=name,
            old=one_line(a) if a else None,
            new=one_line(b) if b else None,
            gated=rules.gated(known.determinism),
            step=old.step,
            index=old.index,
            explanation=_explanation(a, b) if a and b else (),
            determinism=known.determinism,
        )


def _differs(old: Artifact, new: Artifact, rules: _Rules) -> bool:
    if old.determinism != "nondeterministic":
        return old.digest != new.digest
    renamed = rules.runs > 1 and new.determinism != "nondeterministic"
    return renamed or "nondeterminism" in rules.gates


def _explanation(old: Artifact, new: Artifact) -> tuple[str, ...]:
    if old.determinism == "nondeterministic":
        return ("nondeterministic in the baseline: its values cannot be compared",)
    if new.determinism == "nondeterministic":
        return ("nondeterministic now: it differs between reruns under one hash seed",)
    lines = explain(old, new)
    # A plain value is explained by itself, and the change says it already.
    return () if lines == (f"{one_line(old)} -> {one_line(new)}",) else lines


def unused_ignores(recordings: Iterable[Recording], ignore: tuple[str, ...]) -> tuple[str, ...]:
    """The globs that match no artifact and no parameter of any of the recordings."""
    names = set()
    for recording in recordings:
        names |= {f"{PARAMETERS}.{artifact.name}" for artifact in recording.parameters}
        for task in recording.tasks:
            names |= {f"{task.step}.{name}" for name in _names(task)}
    return tuple(glob for glob in ignore if not any(fnmatchcase(name, glob) for name in names))


def _paired(old: Mapping[K, T], new: Mapping[K, T]) -> Iterator[tuple[K, T | None, T | None]]:
    """Every key with both its values, the old order first; what is new comes last."""
    for key in dict.fromkeys((*old, *new)):
        yield key, old.get(key), new.get(key)


def _change(old: object, new: object) -> Literal["added", "removed", "changed"]:
    if old is None:
        return "added"
    return "removed" if new is None else "changed"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
