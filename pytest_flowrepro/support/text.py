"""Text for people: escaped characters, counted nouns, shortened lists, suggestions."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Fixed ranges and not `str.isprintable`: that one changes with the Unicode tables of each Python
# version, and the bytes of a baseline must not. The zero-width joiners U+200C and U+200D stay:
# Persian, Hindi and emoji are spelled with them.
_INVISIBLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f\xad"  # control characters, ANSI's escape among them; soft hyphen
    "\u061c\u180e\u200b\u200e\u200f"  # marks of no width
    "\u2028-\u202e\u2060-\u206f"  # line separators; controls of the writing direction
    "\ud800-\udfff"  # lone surrogates, which UTF-8 cannot hold
    "\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e0fff"  # tags
    "]"
)
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/%+=&?#:,@-]*)?")
"""Without user names, and without the characters that end a link in Markdown or HTML."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Escape control and invisible characters as in JSON, `\u001b`, so that a text is one line.

    JSON without line breaks keeps its meaning.
    """
    return _INVISIBLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def is_web_address(text: str) -> bool:
    """Return whether a text is a short http(s) URL that every report can link to as it is."""
    return len(text) <= 500 and _WEB_ADDRESS.fullmatch(text) is not None


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 package`, `2,000 packages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def truncate_list(names: Sequence[str], shown: int = 5) -> str:
    """Join the first names: `numpy, pandas and 3 more`."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean `train`?` for the closest known word; empty without one."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    return f"; did you mean `{by_lower[near[0]]}`?" if near else ""
