"""The cells of two tables that differ."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.diff.values.cells import cells
from pytest_flowrepro.diff.values.elements import equal, same
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.rows import ROWS, rows
from pytest_flowrepro.diff.values.rules import NO_RULES
from pytest_flowrepro.diff.values.walk import Limits, Place, Walk
from pytest_flowrepro.model import CellRow, Cells

if TYPE_CHECKING:
    from pytest_flowrepro.diff.values.document import Document
    from pytest_flowrepro.diff.values.rows import Rows
    from pytest_flowrepro.support.strict_json import Json

_ROWS = 20
_COLUMNS = 8
"""The rows and columns of a picture, at most."""
_TEXT = 40
"""Characters of a cell that are shown."""


def changed_cells(
    place: str, old: dict[str, Any], new: dict[str, Any], sides: tuple[Document, Document]
) -> Cells | None:
    """Return the cells of two frames that differ; None unless all cells of both are known.

    Rows with the same label in the index belong together. Raises `BaselineError` for a broken file.
    """
    lengths = old["shape"][0], new["shape"][0]
    if max(lengths) > ROWS:
        return None
    walk = Walk(
        old=sides[0], new=sides[1], node=lambda *_: None, rules=NO_RULES, limits=Limits(lines=0)
    )
    matched = rows(walk, Place(), old, new, lengths)
    if not matched.comparable:
        return None
    before, now = _columns(old), _columns(new)
    differing: dict[str, dict[int, tuple[str, str]]] = {}
    for name, column in before.items():
        if name not in now or _is_equal(column, now[name], matched):
            continue
        changed = _changed(column, now[name], sides, matched, lengths)
        if changed is None:
            return None
        if changed:
            differing[name] = changed
    return _picture(place, differing, matched)


def _columns(frame: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the columns by their names, without those after a cut."""
    return {shown_name(c["name"]): c for c in frame["columns"] if "name" in c}


def shown_name(name: Json) -> str:
    """Return the label of a column, or the key of a dict, without quotation marks."""
    return name if isinstance(name, str) else render(tree(name))


def _is_equal(old: dict[str, Any], new: dict[str, Any], matched: Rows) -> bool:
    return matched.pairs is None and equal(old, new)


def _changed(
    old: dict[str, Any],
    new: dict[str, Any],
    sides: tuple[Document, Document],
    matched: Rows,
    lengths: tuple[int, int],
) -> dict[int, tuple[str, str]] | None:
    """Return old and new by the position of the row; None if the cells are not known."""
    a, b = cells(old, sides[0], lengths[0]), cells(new, sides[1], lengths[1])
    if a is None or b is None:
        return None
    if matched.pairs is not None:
        a, b = a.taken(matched.pairs[0]), b.taken(matched.pairs[1])
    return {
        position: (_text(x), _text(y))
        for position, (x, y) in enumerate(zip(a.leaves(), b.leaves(), strict=True))
        if not same(x, y)
    }


def _text(cell: Json) -> str:
    text = "missing" if cell is None else shown_name(cell)
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 3]}..."


def _picture(
    place: str, differing: dict[str, dict[int, tuple[str, str]]], matched: Rows
) -> Cells | None:
    columns = list(islice(differing, _COLUMNS))
    positions = sorted({position for name in columns for position in differing[name]})[:_ROWS]
    if not positions:
        return None
    picture_rows = tuple(
        CellRow(
            label=matched.label(position)[1:-1].strip("'"),
            cells=tuple(differing[name].get(position) for name in columns),
        )
        for position in positions
    )
    shown = sum(cell is not None for row in picture_rows for cell in row.cells)
    total = sum(map(len, differing.values()))
    return Cells(place=place, columns=tuple(columns), rows=picture_rows, left_out=total - shown)
