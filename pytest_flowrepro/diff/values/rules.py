"""The differences that a comparison tolerates inside a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Tolerance:
    """A tolerance for finite numbers of one type: |new - old| <= atol + rtol * |old|."""

    rtol: float = 0.0
    atol: float = 0.0


EXACT = Tolerance()


class Rules(Protocol):
    """A path is the labels from the artifact inwards: keys, positions, fields, column names.

    An array, a column, and a list that is stored as an array are one place: their elements have
    no path of their own.
    """

    def ignored(self, path: tuple[str, ...]) -> bool: ...

    def tolerance(self, path: tuple[str, ...]) -> Tolerance: ...


@dataclass(frozen=True, slots=True)
class Throughout:
    """The same tolerance for everything inside a place."""

    within: Tolerance

    def ignored(self, path: tuple[str, ...]) -> bool:  # noqa: ARG002  the protocol's
        return False

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:  # noqa: ARG002  the protocol's
        return self.within


@dataclass(frozen=True, slots=True)
class Exactly:
    """The rules without their tolerances."""

    rules: Rules

    def ignored(self, path: tuple[str, ...]) -> bool:
        return self.rules.ignored(path)

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:  # noqa: ARG002  the protocol's
        return EXACT


class _NoRules:
    def ignored(self, path: tuple[str, ...]) -> bool:  # noqa: ARG002  the protocol's
        return False

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:  # noqa: ARG002  the protocol's
        return EXACT


NO_RULES: Rules = _NoRules()
