"""The order and the grouping of differences in reports for people. Pure.

A report for machines has every change by itself. For people, tasks of a foreach that differ in the
same way are one entry, and derived changes come after those that they derive from: the cause is
first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from pytest_flowrepro.model import Change

FEW = 3
"""Maximum number of similar tasks that are listed one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    leading: tuple[Change, ...]
    """All changes that do not derive from others, in their own order."""
    derived: tuple[Change, ...]
    """The derived changes, gated ones first."""
    unloaded: tuple[Change, ...] = ()
    """The changed code files that the rerun did not load; with details, they are leading ones."""


def shown(changes: Iterable[Change], *, details: bool = False) -> Shown:
    """Arrange `changes` for a reader; with `details`, every task by itself."""
    ordered = tuple(changes) if details else grouped(changes)

    def is_apart(change: Change) -> bool:
        return change.loaded is False and not details

    return Shown(
        leading=tuple(c for c in ordered if c.origin != "derived" and not is_apart(c)),
        unloaded=tuple(filter(is_apart, ordered)),
        derived=tuple(
            sorted(
                (change for change in ordered if change.origin == "derived"),
                key=lambda change: not change.gated,
            )
        ),
    )


def grouped(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Merge the changes of more than `FEW` tasks that differ in the same way into one.

    The merged change has the index, the values and the explanation of the first of them, and the
    number of tasks. Tasks differ in the same way if they are of one step and have the same kind of
    change to the same artifact, gated or not for the same reason.
    """
    alike: dict[Hashable, list[Change]] = {}
    for position, change in enumerate(changes):
        alike.setdefault(position if change.tasks is None else _grouping_key(change), []).append(
            change
        )
    merged: list[Change] = []
    for members in alike.values():
        first = members[0]
        if len(members) > FEW and first.tasks is not None:
            merged.append(replace(first, tasks=(len(members), first.tasks[1])))
        else:
            merged += members
    return tuple(merged)


def _grouping_key(change: Change) -> tuple[Any, ...]:
    about = (change.kind, change.change, change.step, change.name, change.origin)
    counts = (change.gated, change.determinism, change.within is None, change.accepted_by)
    return (*about, *counts)
