"""The differences between two recordings of a flow. Pure.

The digests decide: equal digests are equal values, and everything else is a change, even one that
cannot be explained. A value is compared in detail only if patterns concern its artifact.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from pytest_flowrepro.diff.causes import step_causes
from pytest_flowrepro.diff.environments import diff_environments, diff_system, other_machine
from pytest_flowrepro.diff.origin import mark_origins, mark_tasks
from pytest_flowrepro.diff.pairs import change_of, paired
from pytest_flowrepro.diff.policy import diff_policy, without_duplicates
from pytest_flowrepro.diff.renames import mark_renames
from pytest_flowrepro.diff.tolerance import compare_artifact, is_within_tolerance
from pytest_flowrepro.diff.values.compare import Comparison, compare, explain
from pytest_flowrepro.diff.values.document import is_whole
from pytest_flowrepro.diff.values.render import one_line
from pytest_flowrepro.diff.values.walk import Limits, Place
from pytest_flowrepro.model import (
    FULL_VALUES,
    PARAMETERS,
    Artifact,
    Change,
    CodeFile,
    Decorator,
    Determinism,
    Gate,
    Recording,
    Step,
    Task,
)
from pytest_flowrepro.model.patterns import NO_PATTERNS, Patterns
from pytest_flowrepro.support.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


SUMMARY_ONLY = (
    "the baseline has only a summary of this value; record again so that the tolerance can be "
    "applied"
)

NOT_KEPT = (
    "this value cannot be stored in full, so the tolerance cannot be applied: it has more than "
    f"{FULL_VALUES:,} bytes, more than 30 levels, or the value of a variable that was passed "
    "through; store a smaller one, or ignore it"
)


_EVERY_GATE: frozenset[Gate] = frozenset(get_args(Gate)) - {"nondeterminism"}


def diff_baselines(old: Recording, new: Recording) -> tuple[Change, ...]:
    """Return every difference between two baselines of a flow; each counts.

    Raises `BaselineError` for a stored value that is broken.
    """
    changes = diff(old, new, gates=_EVERY_GATE)
    # The advice to record again is for a check: each baseline has the lock of its requirements.
    return without_duplicates(
        replace(change, explanation=()) if change.declared else change for change in changes
    )


def diff(
    old: Recording,
    new: Recording,
    *,
    gates: frozenset[Gate],
    patterns: Patterns = NO_PATTERNS,
    limits: Limits | None = None,
) -> tuple[Change, ...]:
    """Return every difference: policy, code, environments, system, steps, parameters, artifacts.

    Artifacts that `patterns` ignore are left out (`_parameters` is the step of a parameter); those
    within a tolerance are included, but not gated. `limits` bound the explanations. Raises
    `BaselineError` for a stored value that is broken.
    """
    systems = old.system, new.system
    changes = (
        *diff_policy(old.policy, new.policy, gates=gates),
        *diff_code(old.code, new.code, gates=gates),
        *diff_environments(old.environments, new.environments, gates=gates, systems=systems),
        *diff_system(*systems, gates=gates),
        *diff_steps(old.steps, new.steps, gates=gates),
        *_add_machine(
            diff_artifacts(old, new, gates=gates, patterns=patterns, limits=limits),
            other_machine(*systems),
        ),
    )
    changes = mark_tasks(mark_renames(changes, old, new), (*old.tasks, *new.tasks))
    causes = step_causes(old, new, changes)
    if not causes.by_code and not causes.may_be_code:
        changes = tuple(map(_without_effect, changes))
    return mark_origins(changes, (*new.steps, *old.steps), causes)


def _add_machine(changes: tuple[Change, ...], machine: str | None) -> Iterator[Change]:
    """Add the difference of the machines to the first drifted artifact of each step."""
    done = set()
    for change in changes:
        if machine and change.gated and change.kind == "artifact" and change.step not in done:
            done.add(change.step)
            yield replace(change, explanation=(*change.explanation, visible(machine)))
        else:
            yield change


def diff_code(
    old: tuple[CodeFile, ...], new: tuple[CodeFile, ...], *, gates: frozenset[Gate]
) -> tuple[Change, ...]:
    """Return the changes of the code package's files, which are compared by content."""
    before = {file.path: file.sha256 for file in old}
    now = {file.path: file.sha256 for file in new}
    return tuple(
        Change(
            kind="code",
            change=change_of(a, b),
            name=path,
            old=a[:12] if a else None,
            new=b[:12] if b else None,
            gated="code" in gates,
        )
        for path, a, b in paired(before, now)
        if a != b
    )


def mark_loaded(changes: Iterable[Change], loaded: Collection[str]) -> tuple[Change, ...]:
    """Mark the changed Python files that a rerun loaded; `loaded` are the paths of all it did."""
    return tuple(
        replace(change, loaded=change.name in loaded)
        if change.kind == "code" and change.name.endswith(".py")
        else change
        for change in changes
    )


def _without_effect(change: Change) -> Change:
    """Explain a change of a Python file where the steps run equal code."""
    if change.kind != "code" or not change.name.endswith(".py"):
        return change
    return replace(change, explanation=("every step runs the same code as before",))


def diff_steps(
    old: tuple[Step, ...], new: tuple[Step, ...], *, gates: frozenset[Gate]
) -> tuple[Change, ...]:
    """Return the steps that were added, removed, moved in the graph, or given other decorators."""
    before, now = ({step.name: step for step in side} for side in (old, new))
    changes = []
    for name, old_step, new_step in paired(before, now):
        if old_step == new_step:
            continue
        lines = tuple(_step_lines(old_step, new_step)) if old_step and new_step else ()
        changes.append(
            Change(
                kind="step",
                change=change_of(old_step, new_step),
                name=name,
                old=old_step.type if old_step else None,
                new=new_step.type if new_step else None,
                gated=("code" if old_step and new_step else "artifacts") in gates,
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
    if not isinstance(old.attributes, dict) or not isinstance(new.attributes, dict):
        yield f"@{old.name}: {json.dumps(old.attributes)} -> {json.dumps(new.attributes)}"
        return
    for name, a, b in paired(old.attributes, new.attributes):
        if a != b:
            place = f"@{old.name} {name}"
            inside = type(a) is type(b) and isinstance(a, (dict, list))
            lines = explain(Place(shown=place), a, b) if inside else ()
            yield from lines or (f"{place}: {json.dumps(a)} -> {json.dumps(b)}",)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rules:
    gates: frozenset[Gate]
    patterns: Patterns
    runs: int
    """Number of reruns that determined the new recording's determinism; a check makes one."""
    limits: Limits
    random: frozenset[tuple[str, str]]
    """Step and name of the artifacts that the baseline marks nondeterministic in some task."""

    def ignored(self, step: str, name: str) -> bool:
        return self.patterns.ignores(step, name)

    def gated(self, determinism: Determinism) -> bool:
        gate: Gate = "nondeterminism" if determinism == "nondeterministic" else "artifacts"
        return gate in self.gates


def diff_artifacts(
    old: Recording,
    new: Recording,
    *,
    gates: frozenset[Gate],
    patterns: Patterns = NO_PATTERNS,
    limits: Limits | None = None,
) -> tuple[Change, ...]:
    """Return the changes of parameters, then those of the tasks' artifacts.

    A task on one side only is a change of its step. An artifact that the baseline marks as
    nondeterministic cannot be compared: it is a change only if "nondeterminism" is gated, if it was
    added or removed, or if `new` is the result of several reruns and classifies it differently. An
    added or removed task counts as nondeterministic itself if all its artifacts do, or if a
    nondeterministic switch or foreach decides whether it runs. Of an added or removed step, which
    `diff_steps` reports, every artifact is a change.
    """
    limits = limits or Limits.of_flow()
    rules = _Rules(
        gates=gates, patterns=patterns, runs=new.runs, limits=limits, random=_random_artifacts(old)
    )
    before, now = (
        Task(step=PARAMETERS, index=(), artifacts=side.parameters) for side in (old, new)
    )
    changes = [
        replace(change, kind="parameter", step=None, index=None)
        for change in _artifact_changes(before, now, rules)
    ]
    both = {step.name for step in old.steps} & {step.name for step in new.steps}
    old_tasks, new_tasks = (
        {(task.step, task.index): task for task in side.tasks} for side in (old, new)
    )
    by_chance = _decided_by_chance(old) | _decided_by_chance(new)
    for (step, index), old_task, new_task in paired(old_tasks, new_tasks):
        if (old_task and new_task) or step not in both:
            nothing = Task(step=step, index=index, artifacts=())
            changes += _artifact_changes(old_task or nothing, new_task or nothing, rules)
        elif task := old_task or new_task:
            changes += _lone_task(old_task, new_task, rules, by_chance=task.step in by_chance)
    return tuple(changes)


def _random_artifacts(recording: Recording) -> frozenset[tuple[str, str]]:
    return frozenset(
        (task.step, artifact.name)
        for task in recording.tasks
        for artifact in task.artifacts
        if artifact.determinism == "nondeterministic"
    )


def _decided_by_chance(recording: Recording) -> frozenset[str]:
    """Return the steps after a switch or foreach that sets something nondeterministic.

    Their set of tasks may differ from run to run. The deciding step shows this, as a task may set
    nothing, and one that did not run yet has no determinism. So does an artifact that is
    nondeterministic in only some tasks of a step: those tasks did not run every time.
    """
    random = {
        task.step
        for task in recording.tasks
        if any(artifact.determinism == "nondeterministic" for artifact in task.artifacts)
    }
    following = {step.name: step.next for step in recording.steps}
    deciding = {step.name for step in recording.steps if step.type in {"split-switch", "foreach"}}
    pending = [name for step in deciding & random for name in following[step]]
    repeated = {
        (task.step, artifact.name)
        for task in recording.tasks
        for artifact in task.artifacts
        if artifact.determinism != "nondeterministic"
    }
    pending += [step for step, _ in _random_artifacts(recording) & repeated]
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
    if all(rules.ignored(task.step, name) for name in _artifact_names(task)):
        return
    compared = [a for a in task.artifacts if not rules.ignored(task.step, a.name)]
    random = by_chance or (compared and all(a.determinism == "nondeterministic" for a in compared))
    determinism: Determinism = "nondeterministic" if random else "deterministic"
    yield Change(
        kind="step",
        change=change_of(old, new),
        name=task.step,
        old=f"a task with {counted(len(old.artifacts), 'artifact')}" if old else None,
        new=f"a task with {counted(len(new.artifacts), 'artifact')}" if new else None,
        gated=rules.gated(determinism),
        step=task.step,
        index=task.index,
        determinism=determinism,
    )


def _artifact_names(task: Task) -> tuple[str, ...]:
    """Return the names of a task's artifacts, or a single "" for a task that sets nothing."""
    return tuple(artifact.name for artifact in task.artifacts) or ("",)


def _artifact_changes(old: Task, new: Task, rules: _Rules) -> Iterator[Change]:
    before = {artifact.name: artifact for artifact in old.artifacts}
    now = {artifact.name: artifact for artifact in new.artifacts}
    for name, a, b in paired(before, now):
        if rules.ignored(old.step, name) or (a and b and not _differs(a, b, rules)):
            continue
        present = a or b
        assert present is not None
        if a and b and a.opaque != b.opaque and (a.unread or b.unread):
            yield _unread(old, a, b, rules)
            continue
        alone = (a is None or b is None) and (old.step, name) in rules.random
        determinism: Determinism = "nondeterministic" if alone else present.determinism
        comparison = _compare_artifact(old.step, a, b, rules) if a and b else None
        allowed = comparison is not None and is_within_tolerance(comparison)
        if comparison and allowed and comparison.tolerated is None:
            continue
        yield Change(
            kind="artifact",
            change=change_of(a, b),
            name=name,
            old=one_line(a) if a else None,
            new=one_line(b) if b else None,
            gated=rules.gated(determinism) and not allowed,
            step=old.step,
            index=old.index,
            explanation=_explanation(a, b, comparison, rules.limits) if a and b else (),
            determinism=determinism,
            within=_most(comparison.tolerated) if comparison and allowed else None,
        )


def _unread(task: Task, old: Artifact, new: Artifact, rules: _Rules) -> Change:
    why = new.opaque_reason if new.unread else f"when recorded, it {old.opaque_reason}"
    reason = visible(why or "")
    return Change(
        kind="artifact",
        change="unread",
        name=old.name,
        old=one_line(old),
        new=one_line(new),
        gated=rules.gated(old.determinism),
        step=task.step,
        index=task.index,
        explanation=(reason, "not compared"),
        determinism=old.determinism,
    )


def _most(difference: float | None) -> str:
    return f"max {difference:.2g}".replace("e-0", "e-")


def _compare_artifact(step: str, old: Artifact, new: Artifact, rules: _Rules) -> Comparison | None:
    """Compare two artifacts by the patterns; None without known values or matching patterns."""
    if "nondeterministic" in (old.determinism, new.determinism):
        return None
    return compare_artifact(step, old, new, rules.patterns, rules.limits)


def _differs(old: Artifact, new: Artifact, rules: _Rules) -> bool:
    if old.determinism != "nondeterministic":
        return old.digest != new.digest
    renamed = rules.runs > 1 and new.determinism != "nondeterministic"
    return renamed or "nondeterminism" in rules.gates


def _explanation(
    old: Artifact, new: Artifact, comparison: Comparison | None, limits: Limits
) -> tuple[str, ...]:
    if old.determinism == "nondeterministic":
        return ("nondeterministic in the baseline: its values cannot be compared",)
    if new.determinism == "nondeterministic":
        return ("nondeterministic now: it differs between reruns under one hash seed",)
    if comparison is not None and not (
        comparison.complete or old.stored or old.opaque or new.opaque
    ):
        values_kept = new.stored or is_whole(new.value)
        return (*comparison.lines, SUMMARY_ONLY if values_kept else NOT_KEPT)
    lines = (comparison or compare(old, new, limits=limits)).lines
    # The change itself already shows a plain value.
    return () if lines == (f"{one_line(old)} -> {one_line(new)}",) else lines
