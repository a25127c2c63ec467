"""Numbers in a readable form to which no tolerance applies, such as positions and counts."""

from __future__ import annotations

_KINDS = frozenset(["$dtype", "$enum", "$offset", "$pattern", "$random", "$slice"])
"""Tags of values without a number that was measured or computed."""

_COLUMN = frozenset(["(shape)", "(length)", "(lengths)", "(missing at)", "(bytes)"])
"""Names in parentheses, because a column or a field of a struct may have any name without them."""

_FIELDS = {
    "$polars": _COLUMN,
    "$arrow": _COLUMN,
    "$sparse": frozenset(["shape", "indptr", "indices", *(f"axis {n}" for n in range(32))]),
    "$tensor": frozenset(["shape", "indices"]),
    "$deque": frozenset(["maxlen"]),
    "$image": frozenset(["size"]),
}


def is_exact(kind: str, name: str) -> bool:
    """Return whether the field of a value of a kind, by its tag, is compared without tolerance."""
    return kind in _KINDS or name in _FIELDS.get(kind, ())
