"""Obsolete baselines in a session of the whole project: named, or removed by a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.model import Obsolete
from pytest_flowrepro.plugin.terminal import Line
from pytest_flowrepro.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.pipeline import ObsoleteBaseline
    from pytest_flowrepro.plugin.options import SessionOptions

_WHAT_TO_DO = (
    "What to do: delete these folders; `flowrepro clean --baselines` deletes those that are "
    "committed"
)


def reported(baseline: ObsoleteBaseline, options: SessionOptions) -> Obsolete:
    """Return an obsolete baseline as reports have it."""
    folder = baseline.folder.relative_to(options.root).as_posix()
    return Obsolete(folder=folder, reason=baseline.reason)


def obsolete_lines(obsolete: Iterable[Obsolete], options: SessionOptions) -> list[Line]:
    """Return the lines about obsolete baselines, and one that says what to do."""
    lines = [inert(baseline.text) for baseline in obsolete]
    if lines:
        lines.append(_WHAT_TO_DO)
    return [Line(text, "red" if options.strict else "yellow") for text in lines]
