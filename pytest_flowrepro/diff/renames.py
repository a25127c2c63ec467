"""Artifacts and steps that only have another name. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from pytest_flowrepro.model import Change, Recording

_Place = tuple[str, tuple[int, ...], str]
"""Step, index and name of an artifact."""


def mark_renames(changes: Iterable[Change], old: Recording, new: Recording) -> tuple[Change, ...]:
    """Add to removed and added artifacts, and to such steps, the name on the other side.

    An artifact was renamed if its task has a value of the same digest under a new name, and a step
    if all artifacts of all its tasks have the same names and digests in a new step.
    """
    changes = tuple(changes)
    if {"added", "removed"} - {change.change for change in changes}:
        return changes
    names = {**_steps(changes, old, new), **_artifacts(changes, old, new)}
    return tuple(_marked(change, names.get(_key(change))) for change in changes)


def _marked(change: Change, other: str | None) -> Change:
    if other is None:
        return change
    way = "to" if change.change == "removed" else "from"
    line = visible(f"renamed {way} {other}, with equal results")
    return replace(change, explanation=(line, *change.explanation))


def _key(change: Change) -> Hashable:
    return change.kind, change.change, change.step, change.index, change.name


def _steps(changes: Iterable[Change], old: Recording, new: Recording) -> dict[Hashable, str]:
    lone = [change for change in changes if change.kind == "step" and change.index is None]
    removed, added = ([c for c in lone if c.change == side] for side in ("removed", "added"))
    before, now = _results(old), _results(new)
    return _paired(
        removed,
        added,
        {c.name: before[c.name] for c in removed},
        {c.name: now[c.name] for c in added},
    )


def _results(recording: Recording) -> Mapping[str, tuple[Hashable, ...]]:
    results: dict[str, tuple[Hashable, ...]] = defaultdict(tuple)
    for task in recording.tasks:
        values = tuple((artifact.name, artifact.digest) for artifact in task.artifacts)
        results[task.step] += ((task.index, values),) if values else ()
    return results


def _artifacts(changes: Iterable[Change], old: Recording, new: Recording) -> dict[Hashable, str]:
    by_task: dict[Hashable, list[Change]] = defaultdict(list)
    for change in changes:
        if change.kind == "artifact" and change.change in {"added", "removed"}:
            by_task[change.step, change.index].append(change)
    before, now = dict(_digests(old)), dict(_digests(new))
    names: dict[Hashable, str] = {}
    for of_task in by_task.values():
        removed, added = ([c for c in of_task if c.change == s] for s in ("removed", "added"))
        old_values, new_values = (
            {c.name: values[c.step or "", c.index or (), c.name] for c in side}
            for side, values in ((removed, before), (added, now))
        )
        names |= _paired(removed, added, old_values, new_values)
    return names


def _digests(recording: Recording) -> Iterator[tuple[_Place, str]]:
    for task in recording.tasks:
        for artifact in task.artifacts:
            yield (task.step, task.index, artifact.name), artifact.digest


def _paired(
    removed: Iterable[Change],
    added: Iterable[Change],
    before: Mapping[str, Hashable],
    now: Mapping[str, Hashable],
) -> dict[Hashable, str]:
    """Return the names on the other side of those with equal values, each used once."""
    left = list(added)
    names: dict[Hashable, str] = {}
    for change in removed:
        value = before[change.name]
        same = next((other for other in left if value != () and now[other.name] == value), None)
        if same is not None:
            left.remove(same)
            names[_key(change)], names[_key(same)] = same.name, change.name
    return names
