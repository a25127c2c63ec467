"""Sizes and ages as people write them: `5GB`, `30d`."""

from __future__ import annotations

import re

_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_AGES = {"h": 3600.0, "": 24 * 3600.0, "d": 24 * 3600.0, "w": 7 * 24 * 3600.0}
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?([a-z]*)", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Return the bytes of `500MB` or `1.5 GB`; raise ValueError for other texts."""
    number, unit = _amount(text)
    if unit not in _SIZES:
        raise ValueError(text)
    return round(number * _SIZES[unit])


def parse_age(text: str) -> float:
    """Return the seconds of `12h`, `30d` or `2w`; `30` means days. Raise ValueError for others."""
    number, unit = _amount(text)
    if unit not in _AGES:
        raise ValueError(text)
    return number * _AGES[unit]


def size_text(size: float) -> str:
    """Return a size with a unit: `40 B`, `12.3 MB`."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def age_text(seconds: float) -> str:
    """Return an age in its largest unit: `3 min`, `5 h`, `12 d`."""
    for length, unit in ((24 * 3600, "d"), (3600, "h")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0) / 60:.0f} min"


def _amount(text: str) -> tuple[float, str]:
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return float(match[1]), match[2].lower()
