"""Parsing of unambiguous JSON (RFC 8259).

`json.loads` keeps the last of two equal keys, takes `NaN`, and turns `1e999` into infinity. In a
file that was merged or edited by hand each of these hides a mistake.
"""

from __future__ import annotations

import json
import math
import re
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""The values that `json.loads` returns."""

DIGITS_LIMIT = 4_300
"""Maximum number of digits of an integer: Python's default, also with `PYTHONINTMAXSTRDIGITS`."""

MEMORY_LIMIT = 1_000_000_000
"""Maximum number of bytes of a parsed text, which is estimated before parsing."""

_OBJECT, _ARRAY, _ITEM = 240, 90, 60
"""Approximate bytes of an empty object and array in CPython, and of an item with its slot."""

_ALWAYS_SMALL = 2 * MEMORY_LIMIT // _OBJECT
"""Characters; a shorter text cannot exceed the limit, as an object has at least two of them."""

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


class StrictJsonError(ValueError):
    """Raised for a text that is not JSON, or ambiguous JSON."""

    def __init__(self, reason: str, line: int | None) -> None:
        super().__init__(reason, line)
        self.reason = reason
        self.line = line
        """The line, counted from 1; None if the problem is not of a single line."""

    def __str__(self) -> str:
        return self.reason if self.line is None else f"line {self.line}: {self.reason}"


class TooLargeJsonError(StrictJsonError):
    """Raised for a text with so many parts that it would take gigabytes of memory."""


class _Refused(Exception):  # noqa: N818  never leaves this module
    def __init__(self, reason: str, literal: str) -> None:
        super().__init__(reason, literal)
        self.reason = reason
        self.literal = literal


class _DuplicateKey(Exception):  # noqa: N818  never leaves this module
    pass


def parse_json(text: str) -> Json:
    """Parse a JSON text; numbers are exact, integers of any size up to the limit.

    Raises `StrictJsonError` for invalid JSON, duplicate keys, NaN and infinities, numbers that
    Python cannot hold, and nesting that is too deep; `TooLargeJsonError` for a text that would take
    too much memory.
    """
    _check_size(text)
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise StrictJsonError(f"{error.msg} (column {error.colno})", error.lineno) from None
    except _Refused as refused:
        raise StrictJsonError(refused.reason, _line_of(text, refused.literal)) from None
    except _DuplicateKey:
        raise _duplicate_key(text) from None
    except RecursionError:
        raise StrictJsonError("nested too deeply to be read", None) from None
    return value


def _check_size(text: str) -> None:
    if len(text) < _ALWAYS_SMALL or _memory(text, 0, len(text)) <= MEMORY_LIMIT:
        return
    needed, end = 0, 0
    for string in _STRING.finditer(text):  # brackets and commas in strings are not parts
        needed += _memory(text, end, string.start())
        end = string.end()
        if needed > MEMORY_LIMIT:
            break
    if needed + _memory(text, end, len(text)) > MEMORY_LIMIT:
        limit = f"{MEMORY_LIMIT / 1e9:,.0f} GB"
        raise TooLargeJsonError(f"its many parts would take more than {limit} of memory", None)


def _memory(text: str, start: int, end: int) -> int:
    parts = (("{", _OBJECT), ("[", _ARRAY), (",", _ITEM))
    return sum(text.count(part, start, end) * size for part, size in parts)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _DuplicateKey
    return value


def _integer(literal: str) -> int:
    if len(literal) > DIGITS_LIMIT:
        raise _Refused(f"a number of {len(literal):,} digits", literal)
    return int(literal)


def _float(literal: str) -> float:
    value = float(literal)
    if math.isinf(value):
        raise _Refused(f"{literal[:40]} is larger than a float can be", literal)
    return value


def _constant(literal: str) -> Json:
    raise _Refused(f"{literal} is not JSON", literal)


def _line_of(text: str, literal: str) -> int | None:
    for token in _TOKEN.finditer(text):
        if token.group() == literal:
            return text.count("\n", 0, token.start()) + 1
    return None


def _duplicate_key(text: str) -> StrictJsonError:
    """Return the error that names the first duplicate key, and its line."""
    objects: list[set[str]] = []
    last: re.Match[str] | None = None
    for token in _TOKEN.finditer(text):
        match token.group():
            case "{":
                objects.append(set())
            case "}":
                objects.pop()
            case ":" if last is not None:
                key = json.loads(last.group())
                if key in objects[-1]:
                    line = text.count("\n", 0, last.start()) + 1
                    return StrictJsonError(f"duplicate key {json.dumps(key)}", line)
                objects[-1].add(key)
        last = token
    raise AssertionError("called for a text without a duplicate key")
