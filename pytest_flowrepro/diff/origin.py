"""The origin of a difference: changes with no other change before them in the graph. Pure.

A task descends from another if the graph leads there and both are in the same turns of the foreach
loops around them: `score[3]` from `train[3]` and from `start`, not from `train[2]`. Their join, and
everything after it, descends from all of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.diff.causes import NO_CAUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_flowrepro.diff.causes import StepCauses
    from pytest_flowrepro.model import CauseKind, Change, Step, Task

_Index = tuple[int, ...]


def mark_origins(
    changes: Iterable[Change], steps: Iterable[Step], causes: StepCauses = NO_CAUSES
) -> tuple[Change, ...]:
    """Mark changes of parameters, artifacts and tasks as "first" or "derived".

    A change is "first" if no task before its own differs, or if the code of its own step does, or
    the environment, unless that is also the environment of the steps before that differ. Else it is
    "derived". A parameter comes before everything. A "first" one also has the kind of its cause.

    Changes of code or environment stay unmarked: they may be the reason of a change, but are not
    the data in which it shows. `steps` are in topological order; if both sides of a comparison have
    steps of their own, one side's follow the other's.
    """
    changes = tuple(changes)
    has_parameters = any(change.kind == "parameter" and _counts(change) for change in changes)
    graph = _Graph.of(steps)
    differing: dict[str, set[_Index]] = defaultdict(set)
    for change in changes:
        if change.step is not None and _is_of_a_task(change):
            differing[change.step].add(change.index or ())
    before = _Before(graph, differing)
    marked = []
    for change in changes:
        if change.kind == "parameter" and _counts(change):
            marked.append(replace(change, origin="first", cause="input"))
        elif change.step is not None and _is_of_a_task(change):
            step, index = change.step, change.index or ()
            derived = has_parameters or before.differs(step, index)
            own = step in causes.by_code or (
                derived and causes.has_own_environment_change(step, before.differing(step, index))
            )
            if derived and not own:
                marked.append(replace(change, origin="derived"))
            else:
                cause: CauseKind = next(causes.direct(step), "unexplained")
                marked.append(replace(change, origin="first", cause=cause))
        else:
            marked.append(change)
    return tuple(marked)


def mark_tasks(changes: Iterable[Change], tasks: Iterable[Task]) -> tuple[Change, ...]:
    """Add to each change of a task in a foreach the number of tasks of its step.

    `tasks` are those of both sides; a task that both have counts once.
    """
    of: dict[str, set[_Index]] = defaultdict(set)
    for task in tasks:
        of[task.step].add(task.index)
    return tuple(
        replace(change, tasks=(1, len(of[change.step])))
        if change.step is not None and change.index
        else change
        for change in changes
    )


def _is_of_a_task(change: Change) -> bool:
    """Return True for a change of an artifact or of a task on one side only, unless tolerated."""
    of_a_task = change.kind == "artifact" or (change.kind == "step" and change.index is not None)
    return of_a_task and _counts(change)


def _counts(change: Change) -> bool:
    """Return whether a change may be an origin: one within a tolerance is not."""
    return change.within is None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Graph:
    ancestors: Mapping[str, frozenset[str]]
    """The ancestors of each step; a step that loops to itself is not its own ancestor."""
    foreaches: Mapping[str, tuple[str, ...]]
    """The foreach steps around each step, outermost first, as in its index path."""
    loops: frozenset[str]
    """Steps that loop to themselves: the number of the pass is last in their index path."""

    @classmethod
    def of(cls, steps: Iterable[Step]) -> _Graph:
        steps = tuple(steps)
        parents: dict[str, set[str]] = defaultdict(set)
        entered: dict[str, tuple[Step, ...]] = {}
        around: dict[str, tuple[Step, ...]] = {}
        for step in steps:
            splits = entered.get(step.name, ())
            # As in metaflow/graph.py `_traverse_graph`: a join closes what was split last.
            around.setdefault(step.name, splits[:-1] if step.type == "join" else splits)
            inner = around[step.name]
            if step.type in {"split", "foreach"}:
                inner = (*inner, step)
            for following in step.next:
                entered.setdefault(following, inner)
                parents[following].add(step.name)
        return cls(
            ancestors={name: _reached(name, parents) for name in around},
            foreaches={
                name: tuple(split.name for split in splits if split.type == "foreach")
                for name, splits in around.items()
            },
            loops=frozenset(step.name for step in steps if step.name in step.next),
        )

    def shared(self, ancestor: str, step: str) -> int:
        """Return the number of foreach loops that are around both steps."""
        number = 0
        pairs = zip(self.foreaches.get(ancestor, ()), self.foreaches[step], strict=False)
        for loop, other_loop in pairs:
            if loop != other_loop:
                break
            number += 1
        return number


def _reached(start: str, following: Mapping[str, set[str]]) -> frozenset[str]:
    """Return all that can be reached from `start`, without it; cycles are walked once."""
    reached: set[str] = set()
    pending = [start]
    while pending:
        for name in following.get(pending.pop(), ()):
            if name not in reached:
                reached.add(name)
                pending.append(name)
    return frozenset(reached - {start})


class _Before:
    """The differing tasks, for thousands of questions: index paths are cut to a length once."""

    def __init__(self, graph: _Graph, differing: Mapping[str, set[_Index]]) -> None:
        self._graph = graph
        self._differing = differing
        self._cut: dict[tuple[str, int], set[_Index]] = {}

    def differs(self, step: str, index: _Index) -> bool:
        """Return whether any task differs that the task `index` of `step` descends from."""
        return next(self.differing(step, index), None) is not None

    def differing(self, step: str, index: _Index) -> Iterator[str]:
        """Yield the steps with such a task."""
        graph = self._graph
        passes = range(index[-1]) if index and step in graph.loops else ()
        if any((*index[:-1], earlier) in self._differing[step] for earlier in passes):
            yield step
        for ancestor in graph.ancestors.get(step, ()):
            if ancestor in self._differing:
                shared = graph.shared(ancestor, step)
                if index[:shared] in self._prefixes(ancestor, shared):
                    yield ancestor

    def _prefixes(self, step: str, length: int) -> set[_Index]:
        key = (step, length)
        if key not in self._cut:
            self._cut[key] = {index[:length] for index in self._differing[step]}
        return self._cut[key]
