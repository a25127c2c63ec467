"""Pictures of a changed value, as data: a report that can draw shows them (the HTML report)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """An image before and after."""

    kind: Literal["images"] = "images"
    old: str | None
    """A PNG file in base64; None if there is none on this side."""
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """The distribution of numbers before and after, in the same bins."""

    kind: Literal["histogram"] = "histogram"
    place: str
    """The place in the value: `['scores']`, `column price`. Empty for the value itself."""
    start: float
    """The lower edge of the first bin."""
    width: float
    """The width of each bin."""
    old: tuple[int, ...]
    """Numbers in each bin; of a large array they are those of a sample."""
    new: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bars:
    """A few named numbers before and after: coefficients of a model, a score for each class."""

    kind: Literal["bars"] = "bars"
    place: str
    labels: tuple[str, ...]
    old: tuple[float | None, ...]
    """A number for each label; None for a label that this side has not."""
    new: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellRow:
    """A row of a table with the cells that differ."""

    label: str
    cells: tuple[tuple[str, str] | None, ...]
    """Old and new for each column of the picture; None for a cell that is equal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cells:
    """The cells of a table that differ."""

    kind: Literal["cells"] = "cells"
    place: str
    columns: tuple[str, ...]
    rows: tuple[CellRow, ...]
    left_out: int
    """The number of other cells that differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinePair:
    """A line of a text next to the line in its place; all None for lines that are left out."""

    old_number: int | None
    """Counted from 1; None if this side has no line here."""
    old: str | None
    new_number: int | None
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """A text before and after, side by side, around the lines that differ."""

    kind: Literal["lines"] = "lines"
    place: str
    pairs: tuple[LinePair, ...]
    left_out: int
    """The number of further pairs that differ."""


Picture: TypeAlias = Images | Histogram | Bars | Cells | Lines

_KINDS: Mapping[str, type[Picture]] = {
    "images": Images,
    "histogram": Histogram,
    "bars": Bars,
    "cells": Cells,
    "lines": Lines,
}


def picture_from(fields: Mapping[str, Any]) -> Picture:
    """Return the picture that `dataclasses.asdict` made these fields of."""
    values = dict(fields)
    if values["kind"] == "cells":
        values["rows"] = tuple(CellRow(**row) for row in values["rows"])
    if values["kind"] == "lines":
        values["pairs"] = tuple(LinePair(**pair) for pair in values["pairs"])
    return _KINDS[values["kind"]](**values)
