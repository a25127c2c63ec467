"""Places in a flow's artifacts that are not compared, or compared within a tolerance. Pure.

A pattern is globs joined by dots, one for each label of a place: step, artifact, then the path
inside the value: keys, attributes, columns, positions. It covers the place and everything inside
it. `**` matches any number of labels. A dot inside a label is matched by `?`, as is any other
character with a meaning in patterns; `*`, `?` and `[` are those of `fnmatch`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

ANY_DEPTH = "**"

Numbers: TypeAlias = "tuple[tuple[str, float], ...]"
"""Patterns and numbers; the last pattern that covers a place decides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The reason for a pattern, and the last day on which it holds."""

    key: str
    pattern: str
    reason: str | None = None
    until: date | None = None
    place: str = field(default="", compare=False)
    """The key of the configuration, with its table."""

    def __bool__(self) -> bool:
        """Return whether it has a reason or a last day."""
        return self.reason is not None or self.until is not None

    def __str__(self) -> str:
        """Return `drawn again in each run, until 2027-03-31`."""
        until = f"until {self.until}" if self.until else None
        return ", ".join(filter(None, (self.reason, until)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Patterns:
    """The settings about the values of one flow."""

    ignore: tuple[str, ...] = ()
    rtol: Numbers = ()
    atol: Numbers = ()
    terms: tuple[Terms, ...] = ()
    """Terms of the patterns that have any, in the order of the patterns."""

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the pattern of each entry."""
        yield from (("ignore", pattern) for pattern in self.ignore)
        yield from (("rtol", pattern) for pattern, _ in self.rtol)
        yield from (("atol", pattern) for pattern, _ in self.atol)

    def ordered(self) -> Patterns:
        """Return the same patterns without repetitions, sorted where their order is irrelevant."""
        ignore = tuple(sorted(set(self.ignore)))
        patterns = replace(self, ignore=ignore)
        terms = dict.fromkeys(self.terms_of(key, pattern) for key, pattern in patterns)
        return replace(patterns, terms=tuple(filter(None, terms)))

    def expired(self, today: date) -> tuple[Terms, ...]:
        """Return the terms whose last day has passed."""
        return tuple(terms for terms in self.terms if terms.until and terms.until < today)

    def numbers(self, key: str) -> Numbers:
        """Return the tolerances under `rtol` or `atol`."""
        return self.rtol if key == "rtol" else self.atol

    def terms_of(self, key: str, pattern: str) -> Terms:
        """Return the terms of a pattern, which may be empty."""
        matching = (terms for terms in self.terms if (terms.key, terms.pattern) == (key, pattern))
        return next(matching, Terms(key=key, pattern=pattern))

    def ignores(self, *labels: str) -> bool:
        """Return whether a place, with everything inside it, is not compared."""
        return any(covers(pattern, labels) for pattern in self.ignore)

    def concern(self, step: str, name: str) -> bool:
        """Return whether any pattern applies to an artifact or to something inside it."""
        return any(reaches(pattern, step, name) for _, pattern in self)

    def artifacts(self) -> tuple[str, ...]:
        """Return globs over `step.artifact` of the values that the patterns need in full.

        Artifacts that are ignored as a whole are not among them.
        """
        inside = [pattern for key, pattern in self if key != "ignore" or _reaches_inside(pattern)]
        return tuple(dict.fromkeys(map(_artifact_glob, inside)))


NO_PATTERNS = Patterns()


def covers(pattern: str, labels: tuple[str, ...]) -> bool:
    """Return whether a pattern matches a place or one that contains it."""
    return _covers(tuple(pattern.split(".")), labels)


def _covers(globs: tuple[str, ...], labels: tuple[str, ...]) -> bool:
    if not globs:
        return True
    if globs[0] == ANY_DEPTH:
        return any(_covers(globs[1:], labels[start:]) for start in range(len(labels) + 1))
    return bool(labels) and fnmatchcase(labels[0], globs[0]) and _covers(globs[1:], labels[1:])


def reaches(pattern: str, step: str, name: str) -> bool:
    """Return whether a pattern covers an artifact, or may cover something inside it."""
    for glob, label in zip(pattern.split("."), (step, name), strict=False):
        if glob == ANY_DEPTH:
            return True
        if not fnmatchcase(label, glob):
            return False
    return True


def covers_pattern(pattern: str, other: str) -> bool:
    """Return whether a pattern certainly covers every place that another one covers."""
    if pattern in {"*", ANY_DEPTH, other}:
        return True
    return not _has_globs(pattern) and covers(pattern, tuple(other.split(".")))


def may_overlap(pattern: str, other: str) -> bool:
    """Return whether two patterns may cover one place; exact for patterns without globs."""
    if _has_globs(pattern) or _has_globs(other):
        return True
    return covers_pattern(pattern, other) or covers_pattern(other, pattern)


def _has_globs(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def number_at(numbers: Numbers, labels: tuple[str, ...], default: float = 0.0) -> float:
    """Return the number of the last pattern that covers a place."""
    matching = (number for pattern, number in reversed(numbers) if covers(pattern, labels))
    return next(matching, default)


def quoted(label: str) -> str:
    """Return a label as a glob that matches it."""
    return "".join("?" if c in ".*?[]" or not c.isprintable() else c for c in label)


def _reaches_inside(pattern: str) -> bool:
    return ANY_DEPTH in pattern.split(".") or pattern.count(".") > 1


def _artifact_glob(pattern: str) -> str:
    labels = pattern.split(".")[:2]
    if ANY_DEPTH in labels or len(labels) == 1:
        return "*" if labels[0] == ANY_DEPTH else f"{labels[0]}.*"
    return ".".join(labels)
