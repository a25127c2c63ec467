"""Which differences a person is shown, and which of them first. Pure.

A report for machines has every change by itself. For people those tasks of a foreach that differ
alike are one, and what derives from other changes comes after them, so that they see the cause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from pytest_flowrepro.model import Change

FEW = 3
"""As many tasks are shown each by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    leading: tuple[Change, ...]
    """All that does not derive from other changes, in their own order."""
    derived: tuple[Change, ...]
    """What is gated before what is not."""


def shown(changes: Iterable[Change], *, details: bool = False) -> Shown:
    """What to show of `changes`; with `details` every task by itself."""
    ordered = tuple(changes) if details else grouped(changes)
    return Shown(
        leading=tuple(change for change in ordered if change.origin != "derived"),
        derived=tuple(
            sorted((c for c in ordered if c.origin == "derived"), key=lambda c: not c.gated)
        ),
    )


def grouped(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes, with those of more than `FEW` tasks that differ alike put into one.

    It has the index, the values and the explanation of the first of them, and tells in how many of
    how many tasks. Alike are tasks of one step, with the same kind of change to the same artifact,
    which counts, or does not, for the same reason.
    """
    alike: dict[Hashable, list[Change]] = {}
    for position, change in enumerate(changes):
        alike.setdefault(position if change.tasks is None else _key(change), []).append(change)
    found: list[Change] = []
    for members in alike.values():
        first = members[0]
        if len(members) > FEW and first.tasks is not None:
            found.append(replace(first, tasks=(len(members), first.tasks[1])))
        else:
            found += members
    return tuple(found)


def _key(change: Change) -> tuple[Any, ...]:
    about = (change.kind, change.change, change.step, change.name, change.origin)
    counts = (change.gated, change.determinism, change.within is None, change.accepted_by)
    return (*about, *counts)
