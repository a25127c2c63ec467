"""Obsolete baselines in a session of the whole project: named, or removed by a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.plugin.terminal import Line
from pytest_flowrepro.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.pipeline import ObsoleteBaseline
    from pytest_flowrepro.plugin.options import SessionOptions

_WHAT_TO_DO = (
    "What to do: delete these folders; `flowrepro clean --baselines` deletes those that are "
    "committed"
)


def obsolete_texts(obsolete: Iterable[ObsoleteBaseline], options: SessionOptions) -> Iterator[str]:
    """Yield a line with the folder and the reason of each obsolete baseline."""
    for baseline in obsolete:
        folder = baseline.folder.relative_to(options.root).as_posix()
        yield f"obsolete baseline {folder}: {baseline.reason}"


def obsolete_lines(texts: Iterable[str], options: SessionOptions) -> list[Line]:
    """Return the lines about obsolete baselines, and one that says what to do."""
    lines = [*map(inert, texts)]
    if lines:
        lines.append(_WHAT_TO_DO)
    return [Line(text, "red" if options.strict else "yellow") for text in lines]
