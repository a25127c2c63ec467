"""The result of a walk over two values, and the limits of its report."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pytest_flowrepro.diff.values.elements import same
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.rules import NO_RULES, Exactly, Rules
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_flowrepro.diff.values.document import Document
    from pytest_flowrepro.diff.values.elements import Elements
    from pytest_flowrepro.support.strict_json import Json

_PLACE = 80  # characters of a place that are shown: its end, where the difference is
_WIDTH = 200
_DETAILED = 5_000  # lines
_SECONDS = 10.0  # of CPU time


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of explanations; they do not affect whether there is a difference."""

    lines: int = 20
    """Lines for one artifact."""
    until: float = math.inf
    """A time on `clock`, for all artifacts that share these limits."""
    clock: Callable[[], float] = time.process_time
    """In seconds of CPU time: a busy machine explains as much as an idle one."""

    @classmethod
    def of_flow(
        cls, *, details: bool = False, clock: Callable[[], float] = time.process_time
    ) -> Limits:
        """Return limits for all changes of one flow, from now on; `details` lifts them."""
        if details:
            return cls(lines=_DETAILED, clock=clock)
        return cls(until=clock() + _SECONDS, clock=clock)


class Place(NamedTuple):
    """Somewhere inside a value."""

    path: tuple[str, ...] = ()
    """For rules: `("auc", "3")`."""
    shown: str = ""
    """The place in Python's syntax: `['auc'][3]`."""

    def key(self, label: str, shown: str) -> Place:
        return Place((*self.path, label), f"{self.shown}[{shown}]")

    def item(self, position: int) -> Place:
        return Place((*self.path, str(position)), f"{self.shown}[{position}]")

    def attribute(self, name: str) -> Place:
        return Place((*self.path, name), f"{self.shown}.{name}")

    def fact(self, name: str) -> Place:
        """Return the place of a fact about this place: `['scores'] shape`."""
        return Place((*self.path, name), f"{self.shown} {name}".lstrip())

    def line(self, text: str) -> str:
        """Return `['auc'][3]: 0.91 -> 0.93`."""
        shown = self.shown if len(self.shown) <= _PLACE else f"...{self.shown[-_PLACE + 3 :]}"
        line = visible(f"{shown}: {text}" if shown else text)
        return line if len(line) <= _WIDTH else line[: _WIDTH - 4] + " ..."


class OutOfTimeError(Exception):
    """Error: the time for the explanations of a flow is over."""


def changed_facts(
    old: Mapping[str, Json], new: Mapping[str, Json], *names: str
) -> Iterator[tuple[str, str]]:
    """Yield the name of each fact that differs, and both values."""
    for name in names:
        a, b = old.get(name), new.get(name)
        if not same(a, b):
            yield name, f"{render(tree(a))} -> {render(tree(b))}"


@dataclass(kw_only=True, slots=True)
class Walk:
    """Two values under comparison, the rules, and the differences so far."""

    old: Document
    new: Document
    node: Callable[[Walk, Place, Json, Json], None]
    """Function that compares two nodes of any kind."""
    rules: Rules
    limits: Limits
    by_deepdiff: bool = False
    """True if deepdiff finds the places inside plain containers (`nested`)."""
    lines: list[str] = field(default_factory=list)
    untold: int = 0
    """The number of lines beyond `limits.lines`."""
    differing: int = 0
    tolerated: float | None = None
    ignored: int = 0
    complete: bool = True

    def report(self, place: Place, text: str) -> None:
        if len(self.lines) < self.limits.lines:
            self.lines.append(place.line(text))
        else:
            self.untold += 1

    def report_lines(self) -> tuple[str, ...]:
        """Return the lines; the last has the number of the omitted ones."""
        if self.untold:
            return (*self.lines[:-1], f"... and {self.untold + 1:,} more")
        return tuple(self.lines)

    def differ(self, place: Place, text: str, *, count: int = 1) -> None:
        self.differing += count
        self.report(place, text)

    def moved(
        self, place: Place, old: Mapping[str, Json], new: Mapping[str, Json], *names: str
    ) -> bool:
        """Report each fact that differs, and return whether any does; no tolerance applies."""
        facts = list(changed_facts(old, new, *names))
        for name, change in facts:
            self.differ(place.fact(name), change)
        return bool(facts)

    def count(self, place: Place, elements: Elements, label: Callable[[int], str]) -> None:
        """Add the result of a comparison of elements."""
        self.differing += elements.differing
        self.complete &= elements.complete
        self.add_tolerated(elements.tolerated)
        for line in elements.lines(label):
            self.report(place, line)

    def add_tolerated(self, difference: float | None) -> None:
        if difference is not None:
            self.tolerated = max(difference, self.tolerated or 0.0)

    def skip(self, place: Place) -> bool:
        """Return whether a difference at this place is ignored, and count it."""
        ignored = self.rules.ignored(place.path)
        self.ignored += ignored
        return ignored

    @contextmanager
    def exactly(self) -> Iterator[None]:
        """Switch off tolerances inside the block."""
        rules = self.rules
        self.rules = rules if rules is NO_RULES else Exactly(rules)
        try:
            yield
        finally:
            self.rules = rules

    def in_time(self) -> None:
        """Raise `OutOfTimeError` if the time is over.

        It does not raise if a verdict depends on the whole walk.
        """
        if self.rules is NO_RULES and self.limits.clock() > self.limits.until:
            raise OutOfTimeError
