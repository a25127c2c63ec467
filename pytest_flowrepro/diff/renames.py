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


def renamed_steps(old: Recording, new: Recording) -> dict[str, str]:
    """Return the name in `new` of each step of `old` that only has another name now."""
    before, now = ({step.name for step in side.steps} for side in (old, new))
    if before == now:
        return {}
    old_results, new_results = _results(old), _results(new)
    return _paired(
        {step.name: old_results[step.name] for step in old.steps if step.name not in now},
        {step.name: new_results[step.name] for step in new.steps if step.name not in before},
    )


def _steps(changes: Iterable[Change], old: Recording, new: Recording) -> dict[Hashable, str]:
    names = renamed_steps(old, new)
    other = {"removed": names, "added": {after: before for before, after in names.items()}}
    return {
        _key(change): other[change.change][change.name]
        for change in changes
        if change.kind == "step" and change.index is None
        if change.name in other.get(change.change, {})
    }


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
        removed = {c.name: c for c in of_task if c.change == "removed"}
        added = {c.name: c for c in of_task if c.change == "added"}
        renamed = _paired(
            {name: before[_place(change)] for name, change in removed.items()},
            {name: now[_place(change)] for name, change in added.items()},
        )
        for name, other in renamed.items():
            names |= {_key(removed[name]): other, _key(added[other]): name}
    return names


def _place(change: Change) -> _Place:
    return change.step or "", change.index or (), change.name


def _digests(recording: Recording) -> Iterator[tuple[_Place, str]]:
    for task in recording.tasks:
        for artifact in task.artifacts:
            yield (task.step, task.index, artifact.name), artifact.digest


def _paired(before: Mapping[str, Hashable], now: Mapping[str, Hashable]) -> dict[str, str]:
    """Return the names in `now` of equal values of `before`, each used once."""
    left = dict(now)
    names: dict[str, str] = {}
    for name, value in before.items():
        same = next((other for other, its in left.items() if value != () and its == value), None)
        if same is not None:
            del left[same]
            names[name] = same
    return names
