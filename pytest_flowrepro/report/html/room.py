"""The pictures of a page, cut so that the page stays small. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.model import Images, Lines
from pytest_flowrepro.report.overview import worst_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_flowrepro.model import Change, FlowReport, Picture

LIMIT = 2_000_000
"""Approximate maximum of characters for all pictures of a page."""

_DRAWN = 4_000
"""Characters of a picture of shapes or cells, about."""
_LINE = 120
"""Characters of the markup of a line."""


def within_limit(flows: Sequence[FlowReport]) -> tuple[list[FlowReport], int]:
    """Return the flows with as many pictures as fit, and the number of those left out.

    The flows with the worst verdicts keep theirs first.
    """
    room, left_out = LIMIT, 0

    def cut(change: Change) -> Change:
        nonlocal room, left_out
        if not change.pictures:
            return change
        kept = []
        for picture in change.pictures:
            size = _size(picture)
            if size <= room:
                kept.append(picture)
                room -= size
            else:
                left_out += 1
        return replace(change, pictures=tuple(kept))

    cut_flows = {
        id(flow): replace(flow, changes=tuple(map(cut, flow.changes)))
        for flow in worst_first(flows)
    }
    return [cut_flows[id(flow)] for flow in flows], left_out


def _size(picture: Picture) -> int:
    match picture:
        case Images():
            return 2 * len(picture.old or "") + 2 * len(picture.new or "")  # the difference, too
        case Lines():
            return sum(_LINE + len(pair.old or "") + len(pair.new or "") for pair in picture.pairs)
    return _DRAWN
