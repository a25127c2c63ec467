"""Numbers and lists as sentences have them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def counted(number: int, noun: str) -> str:
    """`1 package`, `2,000 packages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def some_of(names: Sequence[str], shown: int = 5) -> str:
    """The first of them: `numpy, pandas and 3 more`."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean `train`?` for the nearest of the known words; empty without one."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    return f"; did you mean `{by_lower[near[0]]}`?" if near else ""
