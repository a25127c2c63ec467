"""JSON arrays, converted to the tuples of frozen values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_flowrepro.model import Change, picture_from

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with a tuple for each JSON array, at any depth."""
    return {name: _tuples(value) for name, value in fields.items()}


def change_from(fields: Mapping[str, Any]) -> Change:
    """Return the change that `dataclasses.asdict` made these fields of."""
    values = with_tuples(fields)
    return Change(**{**values, "pictures": tuple(map(picture_from, values["pictures"]))})


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return with_tuples(value)
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
