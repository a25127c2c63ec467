"""Numbers in a readable form, and the distance between two of them."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from pytest_flowrepro.diff.values.rules import Tolerance
    from pytest_flowrepro.support.strict_json import Json

Value: TypeAlias = "int | float | complex | Fraction | tuple[Fraction, Fraction]"

_LONG = re.compile(r"float(96|128)|complex(192|256)|c?longdouble")
_IMAGINARY = r"[\d.]+(?:e[+-]?\d+)?"
_COMPLEX = re.compile(rf"\(?(?:(.*?[\d.])(?=[+-]{_IMAGINARY}j))?([+-]?{_IMAGINARY})j\)?")
_EXPONENT = 6_000
"""Powers of ten above which no arithmetic is done: 1e999999 has a million digits."""
_ROOT = 10**30
"""The factor by which a square root is more precise than an integer."""


class Number(NamedTuple):
    kind: str
    """`int`, `float`, `complex`, `decimal`, `fraction`, or the dtype of a numpy scalar: 1 is not
    1.0."""
    value: Value
    """A fraction for a number with other digits than a float; a pair of them if it is complex."""


class Distance(NamedTuple):
    absolute: float
    relative: float
    """Relative to the old number; infinite if that is 0."""
    gap: int | float | Fraction
    """The value of `absolute`, as exact as the numbers are."""
    size: int | float | Fraction
    """The magnitude of the old number."""

    def __str__(self) -> str:
        return by(self.absolute, self.relative)


def by(absolute: float, relative: float) -> str:
    """Return `by 0.02, relative 0.0215`."""
    text = f"by {absolute:.3g}"
    return f"{text}, relative {relative:.3g}" if 0 <= relative < math.inf else text


def is_long(dtype: str) -> bool:
    """Return whether elements of a dtype have more digits than a float, and are shown as texts."""
    return _LONG.fullmatch(dtype) is not None


def number(node: Json, dtype: str = "") -> Number | None:
    """Return the number of a node, None for any other and a bool; `dtype` is that of its array."""
    match node:
        case int() if not isinstance(node, bool):
            return Number("int", node)
        case float():
            return Number("float", node)
        case str():
            return _long(dtype, node) if is_long(dtype) else None
        case {"$numpy": {"dtype": str(own), "value": inner}}:
            known = number(inner, own)
            return known and Number(own, known.value)
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
                return Number("decimal", _fraction(text))
            case "$fractions.Fraction":
                return Number("fraction", Fraction(text))
    except (ValueError, ArithmeticError):  # edited by hand, NaN, or too large
        pass
    return None


def _long(dtype: str, text: str) -> Number | None:
    """Parse `1.0000000000000000001` or `(1+2j)`; None if it is not finite."""
    try:
        if "c" not in dtype:
            return Number(dtype, _fraction(text))
        parts = _COMPLEX.fullmatch(text)
        return parts and Number(dtype, (_fraction(parts[1] or "0"), _fraction(parts[2])))
    except (ValueError, ArithmeticError):
        return None


def _fraction(text: str) -> Fraction:
    """Return the exact value; raises `ArithmeticError` if it is not finite, or out of bounds."""
    value = Decimal(text)
    if not value.is_finite() or abs(value.adjusted()) > _EXPONENT:
        raise InvalidOperation
    return Fraction(value)


def distance(old: Number, new: Number) -> Distance | None:
    """Return the distance; None for two kinds of numbers, NaN and infinities."""
    if old.kind != new.kind:
        return None
    a: Any = old.value
    b: Any = new.value
    if isinstance(a, tuple):
        gap, size = _length(b[0] - a[0], b[1] - a[1]), _length(*a)
    else:
        try:
            gap, size = abs(b - a), abs(a)
        except OverflowError:  # two complex numbers
            return None
    if isinstance(gap, float) and not math.isfinite(gap):
        return None
    return Distance(_as_float(gap), _ratio(gap, size), gap, size)


def _length(real: Fraction, imaginary: Fraction) -> Fraction:
    """Return the absolute value of a complex number."""
    square = real * real + imaginary * imaginary
    root = math.isqrt(square.numerator * square.denominator * _ROOT * _ROOT)
    return Fraction(root, square.denominator * _ROOT)


def _as_float(number: float | Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _ratio(gap: Any, size: Any) -> float:
    if not size:
        return math.inf
    is_float = isinstance(gap, float)
    return float(gap / size) if is_float else _as_float(Fraction(gap) / Fraction(size))


def within(tolerance: Tolerance, difference: Distance | None) -> bool:
    """Return whether the distance from the old number is within a tolerance."""
    if difference is None or not (tolerance.rtol or tolerance.atol):
        return False
    if isinstance(difference.gap, float):
        return difference.gap <= tolerance.atol + tolerance.rtol * difference.size
    rtol, atol = Fraction(repr(tolerance.rtol)), Fraction(repr(tolerance.atol))
    return difference.gap <= atol + rtol * Fraction(difference.size)
