"""Parts of a text in GitHub Flavored Markdown that hold any value as it is. Pure.

Text that comes out of a flow is put into code spans, where nothing is a link, a mention, HTML or
markup (https://github.github.com/gfm/#code-spans).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_flowrepro.support.text import counted, is_web_address, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_UNFOLDED = 10
"""Number of rows of a table that are not folded."""


def code(text: str, *, in_table: bool = False, most: int | None = None) -> str:
    """Return a code span that shows `text`, or its first `most` characters, and nothing else."""
    shown = visible(text)
    if most is not None and len(shown) > most:
        shown = f"{shown[: most - 3]}..."
    runs = re.findall(r"`+", shown)
    fence = "`" * (max((len(run) for run in runs), default=0) + 1)
    if shown.startswith(("`", " ")) or shown.endswith(("`", " ")):
        shown = f" {shown} "
    if in_table:
        # A table is cut at its pipes before anything else is read, code spans included.
        shown = re.sub(r"(\\*)\|", r"\1\1\\|", shown)
    return f"{fence}{shown}{fence}" if shown else "` `"


def linked(span: str, url: str | None) -> str:
    """Return a code span with a link, if the URL is a plain web address."""
    return f"[{span}]({url})" if url is not None and is_web_address(url) else span


def fenced(text: str, limit: int) -> str:
    """Return a block of code with the first lines of `text`."""
    lines = text.splitlines()
    shown = fitting((f"{visible(line)}\n" for line in lines), limit)
    if len(shown) < len(lines):
        shown.append(f"[... {counted(len(lines) - len(shown), 'more line')} ...]\n")
    runs = re.findall(r"`{3,}", text)
    fence = "`" * max((len(run) + 1 for run in runs), default=3)
    return f"{fence}text\n{''.join(shown)}{fence}\n\n"


def bullets(lines: Sequence[str], limit: int) -> str:
    """Return the first of the lines, which are Markdown, as a list, and the number of the others.

    A line may start with spaces: they indent it.
    """
    shown = fitting((f"{line}\n" for line in lines), limit)
    if len(shown) < len(lines):
        left = counted(len(lines) - len(shown), "more line")
        shown.append(f"- {left} left out: see the JSON report\n")
    return "".join(shown)


def table(header: Sequence[str], rows: Iterable[str], *, total: int, noun: str, limit: int) -> str:
    """Return a table of the first rows, folded after some, and the number of those left out.

    `rows` are made by `row`; `total` is their number, as they are rendered only as far as they fit.
    """
    shown = fitting(rows, limit)
    head = f"{row(header)}{row(['---'] * len(header))}"
    text = f"{head}{''.join(shown[:_UNFOLDED])}"
    if folded := shown[_UNFOLDED:]:
        summary = counted(len(folded), f"more {noun}")
        text += f"\n<details><summary>{summary}</summary>\n\n{head}{''.join(folded)}\n</details>\n"
    if len(shown) < total:
        text += f"\n{counted(total - len(shown), f'more {noun}')} left out: see the JSON report.\n"
    return text


def row(cells: Iterable[str]) -> str:
    """Return one row of a table."""
    return f"| {' | '.join(cells)} |\n"


def fitting(blocks: Iterable[str], limit: int) -> list[str]:
    """Return the first blocks that fit into `limit` bytes; the rest is not rendered."""
    blocks_that_fit: list[str] = []
    for block in blocks:
        limit -= len(block.encode())
        if limit < 0:
            break
        blocks_that_fit.append(block)
    return blocks_that_fit
