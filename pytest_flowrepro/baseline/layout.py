"""The layout of a baseline's JSON files: short lines, so that a diff shows what changed.

A value is on one line if it is short. Else its items get lines of their own, and so do theirs,
three levels deep: a key of a dict, a column of a frame, five numbers of an array.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json

Layout: TypeAlias = "str | list[Layout] | dict[str, Layout]"
"""A `str` is JSON text that stays on its line; the items of the others have lines of their own."""

_SHORT = 80
"""Maximum number of characters of a value that is not broken."""
_LEVELS = 3
_NUMBERS = 5
"""Numbers on a line. A fixed count, so that a changed number does not move its neighbours."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def json_line(value: Json, *, what: str = "A value") -> str:
    """Return a value as JSON on one line.

    Raises `BaselineError`, which calls the value `what`, if JSON cannot represent it.
    """
    try:
        return visible(_ENCODER.encode(value))
    except (ValueError, TypeError, RecursionError) as error:
        raise BaselineError(
            f"{what} cannot be written as JSON: {error}",
            hint="report it to pytest-flowrepro: every value should have a readable form",
        ) from error


def value_layout(value: Json, *, what: str, levels: int = _LEVELS) -> Layout:
    """Return the layout of an artifact's value; raises as `json_line` does."""
    layout: Layout
    match value:
        case dict() if levels:
            layout = {
                key: value_layout(item, what=what, levels=levels - 1) for key, item in value.items()
            }
        case list() if levels and all(isinstance(item, int | float) for item in value):
            rows = (value[i : i + _NUMBERS] for i in range(0, len(value), _NUMBERS))
            layout = [json_line(row, what=what)[1:-1] for row in rows]
        case list() if levels:
            layout = [value_layout(item, what=what, levels=levels - 1) for item in value]
        case _:
            return json_line(value, what=what)
    return _short_line(layout) or layout


def _short_line(layout: Layout) -> str | None:
    """Return a layout on one line, as `json_line` writes it; None if that is not short."""
    items = layout.values() if isinstance(layout, dict) else layout
    if len(layout) > _SHORT or not all(isinstance(item, str) for item in items):
        return None
    match layout:
        case dict():
            line = f"{{{', '.join(f'{json_line(key)}: {item}' for key, item in layout.items())}}}"
        case _:
            line = f"[{', '.join(map(str, items))}]"
    return line if len(line) <= _SHORT else None


def value_text(value: Json) -> str:
    """Return the lines of an artifact's value in a baseline, without their indentation there."""
    return to_text(value_layout(value, what="A value"))


def to_text(layout: Layout, indent: str = "") -> str:
    """Return the text of a layout, whose first line is not indented."""
    inner = indent + "  "
    match layout:
        case str():
            return layout
        case dict():
            ends = "{}"
            items = [f"{json_line(key)}: {to_text(item, inner)}" for key, item in layout.items()]
        case list():
            ends = "[]"
            items = [to_text(item, inner) for item in layout]
    if not items:
        return ends
    return f"{ends[0]}\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}{ends[1]}"
