"""Two texts with the pieces marked that differ."""

from __future__ import annotations

import difflib
import re

_TOKEN = re.compile(r"[\w.+-]+|\s+|.", re.DOTALL)
_MOST_TOKENS = 200

Text = tuple[tuple[str, bool], ...]
"""Pieces of a text, each with whether it is only on this side."""


def mark_differences(old: str | None, new: str | None) -> tuple[Text | None, Text | None]:
    """Return both texts with the pieces marked that differ.

    None is marked where they have little in common.
    """
    if old is None or new is None:
        return _plain(old), _plain(new)
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if max(len(before), len(after)) > _MOST_TOKENS:
        return _plain(old), _plain(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    codes = matcher.get_opcodes()
    equal = sum(len("".join(before[a:b]).strip()) for tag, a, b, _, _ in codes if tag == "equal")
    if equal * 3 < min(len(old), len(new)):
        return _plain(old), _plain(new)
    left = tuple(("".join(before[a:b]), tag != "equal") for tag, a, b, _, _ in codes if a < b)
    right = tuple(("".join(after[c:d]), tag != "equal") for tag, _, _, c, d in codes if c < d)
    return left, right


def _plain(text: str | None) -> Text | None:
    return None if text is None else ((text, False),)
