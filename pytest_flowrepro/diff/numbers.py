"""Numbers in a readable form, and how far apart two of them are."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pytest_flowrepro.diff.rules import Tolerance
    from pytest_flowrepro.model import Json


class Number(NamedTuple):
    kind: str
    """`int`, `float`, `complex`, `decimal`, or the dtype of a numpy scalar: 1 is not 1.0."""
    value: Any
    """int, float, complex or Decimal."""


class Distance(NamedTuple):
    absolute: float
    relative: float
    """To the old number; infinite where that is 0."""

    def __str__(self) -> str:
        return by(self.absolute, self.relative)


def by(absolute: float, relative: float) -> str:
    """`by 0.02, relative 0.0215`."""
    told = f"by {absolute:.3g}"
    return f"{told}, relative {relative:.3g}" if 0 <= relative < math.inf else told


def number(node: Json) -> Number | None:
    """None for what is no number, a bool among it."""
    match node:
        case bool():
            return None
        case int():
            return Number("int", node)
        case float():
            return Number("float", node)
        case {"$numpy": {"dtype": str(dtype), "value": inner}}:
            known = number(inner)
            return known and Number(dtype, known.value)
        case dict() if len(node) == 1:
            ((tag, text),) = node.items()
            return _spelled(tag, text) if isinstance(text, str) else None
    return None


def _spelled(tag: str, text: str) -> Number | None:
    try:
        match tag:
            case "$int":
                return Number("int", int(text))
            case "$float":
                return Number("float", float(text))
            case "$complex":
                return Number("complex", complex(text))
            case "$decimal":
                return Number("decimal", Decimal(text))
    except (ValueError, InvalidOperation):  # a value edited by hand
        pass
    return None


def distance(old: Number, new: Number) -> Distance | None:
    """None where it has no meaning: two kinds of numbers, NaN, an infinity."""
    if old.kind != new.kind:
        return None
    try:
        absolute = float(abs(new.value - old.value))
        size = float(abs(old.value))
    except (OverflowError, InvalidOperation, TypeError):
        return None
    if not math.isfinite(absolute):
        return None
    return Distance(absolute, absolute / size if size else math.inf)


def within(tolerance: Tolerance, old: Number, found: Distance | None) -> bool:
    """Whether a tolerance swallows the distance from `old`."""
    if found is None or not (tolerance.rtol or tolerance.atol):
        return False
    return found.absolute <= tolerance.atol + tolerance.rtol * float(abs(old.value))
