"""JSON arrays, converted to the tuples of frozen values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with a tuple for each JSON array, at any depth."""
    return {name: _tuples(value) for name, value in fields.items()}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
