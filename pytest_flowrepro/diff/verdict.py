"""The test that each difference belongs to, and the verdict on all of them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.diff import ignored_inside, unmatched, unneeded, used
from pytest_flowrepro.model import VERDICTS
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import Artifact, Change, Recording, Verdict
    from pytest_flowrepro.model.patterns import Patterns

_SHOWN = 20


def policy_part(parts: Iterable[str]) -> str:
    """Return the selected test of a flow that reports changes of the policy.

    The policy concerns every test, so that any selection has one that fails. `environment` is the
    last choice, as it does not have the results of the others.
    """
    return min(parts, key=lambda part: (part != "code", part == "environment"), default="code")


def part_of(change: Change, steps: tuple[str, ...], policy: str = "code") -> str:
    """Return the test that reports a change: `code`, `environment` or `step[NAME]`.

    `steps` are the steps that have a test, in the order of the source. A parameter, and a step
    that the source text did not show, belong to the first of them, so that nothing is left out.
    `policy` is the test that reports changes of the policy.
    """
    match change.kind:
        case "policy":
            return policy
        case "code":
            return "code"
        case "package" | "python" | "system":
            return "environment"
        case "step" if change.change == "changed":
            return "code"
        case "step":
            step = change.name
        case _:
            step = change.step or ""
    return f"step[{step if step in steps or not steps else steps[0]}]"


def changes_of(
    part: str, changes: Iterable[Change], steps: tuple[str, ...], policy: str = "code"
) -> tuple[Change, ...]:
    return tuple(change for change in changes if part_of(change, steps, policy) == part)


def verdict_of(changes: Iterable[Change]) -> Verdict:
    """Return the verdict on what was rerun: `error`, `drifted`, `accepted` or `reproduced`."""
    changes = tuple(changes)
    gated = {change.change for change in changes if change.gated}
    if gated:
        return "error" if "unread" in gated else "drifted"
    return "accepted" if any(change.accepted_by for change in changes) else "reproduced"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    return max(verdicts, key=VERDICTS.index)


def artifacts(recording: Recording) -> Iterator[tuple[str, Artifact]]:
    """Yield every recorded artifact with its step, which is `_parameters` for a parameter."""
    for artifact in recording.parameters:
        yield "_parameters", artifact
    for task in recording.tasks:
        for artifact in task.artifacts:
            yield task.step, artifact


def nondeterministic(recording: Recording, patterns: Patterns) -> Counter[str]:
    """Count the tasks of each nondeterministic `step.artifact` that no pattern ignores."""
    return _marked(recording, "nondeterministic", patterns)


def determinism_notes(recording: Recording, patterns: Patterns) -> tuple[str, ...]:
    """Return notes to read before committing a new baseline, each with a hint."""
    notes = []
    random = nondeterministic(recording, patterns)
    if random:
        notes.append(
            f"differs from run to run: {_counted_names(random)}. Seed it, sort it, or add it to "
            "`ignore`; it is recorded as nondeterministic, shown in every report and not compared"
        )
    seeded = _marked(recording, "hash-seed", patterns)
    if seeded:
        notes.append(
            f"depends on the hash seed: {_counted_names(seeded)}. Sort it (the order of a set "
            "affects it); it is recorded under hash seed 0, which every check uses"
        )
    return tuple(notes)


def uncompared_notes(recording: Recording, patterns: Patterns) -> tuple[str, ...]:
    """Return a note that names what a check does not compare, as no two runs agree on it."""
    random = nondeterministic(recording, patterns)
    if not random:
        return ()
    return (f"not compared, because nondeterministic in the baseline: {_counted_names(random)}",)


def no_longer_compared(old: Recording, new: Recording, patterns: Patterns) -> tuple[str, ...]:
    """Return a note on the artifacts that `old` compares and `new` has as nondeterministic."""
    compared = {
        f"{step}.{artifact.name}"
        for step, artifact in artifacts(old)
        if artifact.determinism != "nondeterministic" and not patterns.ignores(step, artifact.name)
    }
    random = nondeterministic(new, patterns)
    lost = Counter({name: tasks for name, tasks in random.items() if name in compared})
    if not lost:
        return ()
    return (f"no longer compared, because nondeterministic now: {_counted_names(lost)}",)


def merge_notes(baseline: Recording) -> tuple[str, ...]:
    """Return a note on a baseline that git merged: a check passes only if all of it agrees."""
    if not baseline.merged:
        return ()
    note = (
        "the baseline is a git merge of several recordings, which no single rerun produced: any "
        "difference from it fails the check, in code files as well; record the flow again"
    )
    return (note,)


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternsUsed:
    notes: tuple[str, ...] = ()
    idle: tuple[str, ...] | None = None
    """The project's patterns that were not needed; None if that is not known."""


def patterns_used(
    old: Recording | None, new: Recording, patterns: Patterns, project: Patterns
) -> PatternsUsed:
    """Return how the patterns of a flow, including those of the project, were used.

    Without `old`, when recording, only whether they match anything is known.
    """
    if old is None:
        return PatternsUsed(idle=tuple(map(_pattern, unmatched([new], project))))
    notes = []
    if hidden := ignored_inside(old, new, patterns):
        differ = "differs" if hidden == 1 else "differ"
        notes.append(f"{counted(hidden, 'artifact')} {differ} only at places that are ignored")
    notes += [
        f"{_pattern((terms.key, terms.pattern))} was used: {terms}"
        for terms in used(old, new, patterns)
    ]
    shared = set(project)
    notes += [
        f"{_pattern(entry)} was not needed: all values that it covers are as recorded"
        for entry in unneeded(old, new, patterns)
        if entry not in shared
    ]
    idle = (*unmatched((old, new), project), *unneeded(old, new, project))
    return PatternsUsed(notes=tuple(notes), idle=tuple(map(_pattern, idle)))


def _pattern(entry: tuple[str, str]) -> str:
    key, pattern = entry
    return f"{key}: `{pattern}`"


def _marked(recording: Recording, determinism: str, patterns: Patterns) -> Counter[str]:
    return Counter(
        f"{step}.{artifact.name}"
        for step, artifact in artifacts(recording)
        if artifact.determinism == determinism and not patterns.ignores(step, artifact.name)
    )


def _counted_names(counts: Counter[str]) -> str:
    names = [name if tasks == 1 else f"{name} ({tasks} tasks)" for name, tasks in counts.items()]
    if len(names) > _SHOWN:
        names[_SHOWN:] = [f"and {len(names) - _SHOWN} more"]
    return ", ".join(names)
