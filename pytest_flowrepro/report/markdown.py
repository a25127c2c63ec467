"""The report for a pull-request comment or a job's summary: GitHub Flavored Markdown.

Text that comes out of a flow is put into code spans, where nothing is a link, a mention, HTML or
markup (https://github.github.com/gfm/#code-spans).
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from pytest_flowrepro.report.overview import run_facts, verdict_counts, worst_first
from pytest_flowrepro.report.text import render_changes, summary, title, unused_pattern
from pytest_flowrepro.support.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import FlowReport, Report

LIMIT = 65_000
"""Maximum number of bytes; GitHub takes 65,536 characters for a comment."""

_TABLE_LIMIT = 20_000
_DETAILS_LIMIT = 20_000
_LIST_LIMIT = 5_000
"""Maximum number of bytes of the table, of the details of one flow, and of the list of obsolete
baselines and unused patterns."""


def render_markdown(report: Report, /, *, details: bool = False) -> str:
    """Render a heading, a table of the flows with the worst first, and folded details; bounded."""
    ordered = worst_first(report.flows)
    rows = _fitting((_row(flow) for flow in ordered), _TABLE_LIMIT)
    heading = f"### Flow reproducibility: {verdict_counts(report.flows)}\n"
    text = f"{heading}\n| verdict | flow | what changed |\n|---|---|---|\n{''.join(rows)}"
    if len(rows) < len(ordered):
        left = len(ordered) - len(rows)
        text += f"\n{counted(left, 'more flow')} left out of this table.\n"
    text += _fitting_list((*report.obsolete, *map(unused_pattern, report.unused_patterns)))
    text += f"\n<sub>{', '.join(code(fact) for fact in run_facts(report.run))}</sub>\n"
    detailed = [flow for flow in ordered if flow.changes or flow.notes or flow.error]
    folded = (_details(flow, details=details) for flow in detailed)
    fitting = _fitting(folded, LIMIT - 200 - len(text.encode()))
    text += "".join(fitting)
    if len(fitting) < len(detailed):
        left = len(detailed) - len(fitting)
        text += (
            f"\nThe details of {counted(left, 'more flow')} are left out: see the JSON report.\n"
        )
    return text


def _fitting_list(items: tuple[str, ...]) -> str:
    lines = _fitting((f"- {code(item)}\n" for item in items), _LIST_LIMIT)
    if len(lines) < len(items):
        left = len(items) - len(lines)
        lines.append(f"- {counted(left, 'more line')} left out: see the JSON report\n")
    return "".join(("\n", *lines)) if lines else ""


def _row(report: FlowReport) -> str:
    changed = "; ".join(summary(report))
    return f"| {report.verdict} | {code(title(report), in_table=True)} | {changed} |\n"


def _details(report: FlowReport, *, details: bool) -> str:
    name = f"<code>{escape(visible(title(report)))}</code>"
    lines = list(_change_lines(report, details=details))
    shown = _fitting(lines, _DETAILS_LIMIT)
    if len(shown) < len(lines):
        left = len(lines) - len(shown)
        shown.append(f"- {counted(left, 'more line')} left out: see the JSON report\n")
    is_open = " open" if report.verdict in {"drifted", "error"} else ""
    error = _fenced(report.error) if report.error else ""
    body = "".join(shown)
    return (
        f"\n<details{is_open}><summary>{report.verdict}: {name}</summary>\n\n"
        f"{error}{body}\n</details>\n"
    )


def _change_lines(report: FlowReport, *, details: bool) -> Iterator[str]:
    for depth, line in render_changes(report.changes, details=details):
        yield f"{'  ' * depth}- {code(line)}\n"
    yield from (f"- note: {code(note)}\n" for note in report.notes)


def code(text: str, *, in_table: bool = False) -> str:
    """Return a code span that shows `text` and nothing else."""
    shown = visible(text)
    runs = re.findall(r"`+", shown)
    fence = "`" * (max((len(run) for run in runs), default=0) + 1)
    if shown.startswith(("`", " ")) or shown.endswith(("`", " ")):
        shown = f" {shown} "
    if in_table:
        # A table is cut at its pipes before anything else is read, code spans included.
        shown = re.sub(r"(\\*)\|", r"\1\1\\|", shown)
    return f"{fence}{shown}{fence}" if shown else "` `"


def _fenced(text: str) -> str:
    lines = text.splitlines()
    shown = _fitting((f"{visible(line)}\n" for line in lines), _DETAILS_LIMIT)
    if len(shown) < len(lines):
        shown.append(f"[... {counted(len(lines) - len(shown), 'more line')} ...]\n")
    runs = re.findall(r"`{3,}", text)
    fence = "`" * max((len(run) + 1 for run in runs), default=3)
    return f"{fence}text\n{''.join(shown)}{fence}\n\n"


def _fitting(blocks: Iterable[str], limit: int) -> list[str]:
    """Return the first blocks that fit into `limit` bytes; the rest is not rendered."""
    fitting: list[str] = []
    for block in blocks:
        limit -= len(block.encode())
        if limit < 0:
            break
        fitting.append(block)
    return fitting
