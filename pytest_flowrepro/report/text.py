"""The report in the terminal."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_flowrepro.model import flow_title
from pytest_flowrepro.report.grouping import grouped, shown
from pytest_flowrepro.report.overview import flow_facts, run_facts
from pytest_flowrepro.support.text import counted, truncate_list, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_flowrepro.model import Cause, Change, FlowReport, Report, Uncollected

# Commands that CI systems execute when they read them in a log: GitHub at the start of a line,
# Azure and TeamCity (and GitHub's older form) anywhere.
_COMMAND = re.compile(r"^(\s*)::|##(?=\w*\[)")

_NOUNS = {"python": "interpreter", "system": "system layer", "policy": "policy setting"}
_KINDS = ("policy", "artifact", "parameter", "step", "package", "requirement", "python", "system")

_OF_A_RERUN = {"reproduced", "accepted", "drifted"}
"""The verdicts that do not say by themselves that only a part of the flow was compared."""

_DERIVED = 10
"""Number of derived changes that have lines of their own; the others are only named."""
_DERIVED_LINES = 2
"""Number of lines of each explanation."""
_NAMES = 20
_VIA = 3
"""Number of packages that are named as those that require another."""


def inert(text: str) -> str:
    """Escape one line, so that a terminal and a CI system show it and do not act upon it."""
    return _COMMAND.sub(_escape, visible(text))


def _escape(match: re.Match[str]) -> str:
    return "\\u0023#" if match.group() == "##" else f"{match.group(1)}\\u003a:"


def render_text(report: Report, /, *, details: bool = False) -> str:
    """Render every flow: its summary, then its changes, notes and error.

    Files that could not be collected come first. With `details`, also how each flow ran, and the
    circumstances of the run at the end.
    """
    lines = [line for file in report.uncollected for line in uncollected_lines(file)]
    lines += (line for flow in report.flows for line in _flow_lines(flow, details=details))
    lines += (inert(baseline.text) for baseline in report.obsolete)
    lines += (f"note: {inert(unused_pattern(pattern))}" for pattern in report.unused_patterns)
    if details:
        lines += map(inert, run_facts(report.run))
    return "".join(f"{line}\n" for line in lines)


def uncollected_lines(file: Uncollected) -> Iterator[str]:
    yield f"not collected  {inert(file.file)}"
    yield from (f"    {inert(line)}" for line in file.error.splitlines())


def _flow_lines(report: FlowReport, *, details: bool) -> list[str]:
    lines = [summary_line(report), *(f"    {cause_line(cause)}" for cause in report.causes)]
    lines += [f"    {line}" for line in changes_lines(report.changes, details=details)]
    lines += [f"    note: {inert(note)}" for note in report.notes]
    if details:
        lines += [f"    {inert(fact)}" for fact in flow_facts(report)]
    if report.error:
        lines += [f"    {inert(line)}" for line in report.error.splitlines()]
    return lines


def summary_line(report: FlowReport) -> str:
    """Render `drifted  flows/train.py::TrainFlow@small  1 artifact changed  (3.1 s)`."""
    parts = [f"{report.verdict:<10}", inert(title(report))]
    if phrases := summary(report):
        parts.append("; ".join(phrases))
    spent = sum(seconds for _, seconds in report.seconds)
    return "  ".join(parts) + (f"  ({spent:.1f} s)" if report.seconds else "")


def unused_pattern(pattern: str) -> str:
    """Return a sentence about a pattern of the project, with its setting, that no flow needed."""
    return f"tool.flowrepro.{pattern} matched nothing; consider removing it"


def title(report: FlowReport) -> str:
    return f"{report.file}::{flow_title(report.flow, report.case)}"


def summary(report: FlowReport) -> list[str]:
    """Return phrases that count the changes by kind, and the artifacts that were not compared."""
    platform = [
        change for change in report.changes if change.kind == "system" and change.environment
    ]
    within = sum(change.within is not None for change in report.changes)
    unread = sum(change.change == "unread" for change in report.changes)
    differing = (
        change for change in report.changes if change.within is None and change.change != "unread"
    )
    kinds = Counter("requirement" if change.declared else change.kind for change in differing)
    kinds["system"] -= len(platform)
    unloaded = sum(change.loaded is False and not change.gated for change in report.changes)
    kinds["code"] -= unloaded
    phrases: list[str] = []
    counts = [counted(kinds[k], _NOUNS.get(k, k)) for k in _KINDS if kinds[k]]
    if report.recorded:
        phrases.append(report.recorded)
    if counts:
        phrases.append(f"{', '.join(counts)} changed")
    if any(change.weakens for change in report.changes):
        phrases.append("policy weakened")
    if unread:
        phrases.append(f"{counted(unread, 'artifact')} could not be compared")
    if within:
        phrases.append(f"{counted(within, 'artifact')} within tolerance")
    if platform:
        phrases.append(counted(len(platform), "platform difference"))
    if kinds["code"]:
        phrases.append(f"{counted(kinds['code'], 'file')} changed since the baseline")
        if not kinds["artifact"] and _is_compared_whole(report):
            phrases.append("artifacts unchanged")
    if unloaded:
        phrases.append(f"{counted(unloaded, 'unloaded file')} changed")
    return [*phrases, *_left_out(report)]


def _is_compared_whole(report: FlowReport) -> bool:
    """Return whether every artifact was compared that can be."""
    is_whole = len(report.selected) == report.tests
    return report.is_rerun and is_whole and report.verdict != "error"


def _left_out(report: FlowReport) -> Iterator[str]:
    """Yield phrases about what was not compared."""
    if report.verdict in _OF_A_RERUN and len(report.selected) < report.tests:
        yield f"{len(report.selected)} of {counted(report.tests, 'test')} selected"
    if report.nondeterministic:
        yield f"{counted(report.nondeterministic, 'nondeterministic artifact')} not compared"


def changes_lines(changes: Iterable[Change], *, details: bool = False) -> list[str]:
    """Return the lines of `render_changes`, indented by their depth."""
    return [
        f"{'    ' * line.depth}{line.text}" for line in render_changes(changes, details=details)
    ]


class ChangeLine(NamedTuple):
    """A line about changes, and its depth below the others."""

    depth: int
    text: str
    side: Literal["added", "removed"] | None = None
    """The side that alone has what the line is about."""


def render_changes(changes: Iterable[Change], *, details: bool = False) -> Iterator[ChangeLine]:
    """Yield lines about changes: first those that come first in full, then derived ones, shortened.

    With `details`, all changes are in full, task by task.
    """
    arranged = shown(changes, details=details)
    for change in arranged.leading:
        yield from _with_explanation(change, 0)
    if arranged.derived:
        more = f", {len(arranged.derived):,} more" if arranged.leading else ""
        yield ChangeLine(0, f"derived{more}:")
    most = len(arranged.derived) if details else _DERIVED
    for change in arranged.derived[:most]:
        yield from _with_explanation(change, 1, None if details else _DERIVED_LINES)
    if rest := arranged.derived[most:]:
        names = truncate_list([inert(label(change)) for change in rest], _NAMES)
        yield ChangeLine(1, f"and {len(rest):,} more: {names}")
    if arranged.unloaded:
        yield ChangeLine(0, unloaded_files(arranged.unloaded))


def unloaded_files(changes: Sequence[Change]) -> str:
    """Return `2 packaged files that the rerun did not load changed: a.py, b.py`."""
    names = truncate_list([inert(label(change)) for change in changes])
    count = counted(len(changes), "packaged file")
    gated = "" if any(change.gated for change in changes) else "   shown only"
    return f"{count} that the rerun did not load changed: {names}{gated}"


def _with_explanation(change: Change, depth: int, most: int | None = None) -> Iterator[ChangeLine]:
    words = [f"{inert(label(change))}  {inert(delta(change))}"]
    side = change.change if change.change in {"added", "removed"} else None
    yield ChangeLine(depth, "   ".join((*words, *map(inert, tags(change)))), side)
    explanation = explained(change)
    lines = explanation[:most]
    yield from (ChangeLine(depth + 1, inert(line)) for line in lines)
    if len(lines) < len(explanation):
        yield ChangeLine(depth + 1, f"... {counted(len(explanation) - len(lines), 'more line')}")


def cause_line(cause: Cause) -> str:
    """Return `cause: code of step train changed: train.py`, or that the cause is not known."""
    return inert(f"cause{' not known' if cause.kind == 'unexplained' else ''}: {cause.text}")


def started_at(changes: Iterable[Change]) -> str | None:
    """Return the changes that others derive from, as `start.rows, parameter alpha`, or None."""
    changes = tuple(changes)
    if not any(change.origin == "derived" for change in changes):
        return None
    names = [inert(label(change)) for change in grouped(changes) if change.origin == "first"]
    return truncate_list(names) if names else None


def label(change: Change) -> str:
    """Return the name of the changed thing: `train[0].score`, `step train[0]`, `numpy`.

    Several tasks in one change are `train.score: 37 of 1,000 tasks, first at [3]`.
    """
    index = list(change.index) if change.index else ""
    within = ""
    if change.tasks is not None and change.tasks[0] > 1:
        differing, of = change.tasks
        index, within = "", f": {differing:,} of {of:,} tasks, first at {index}"
    match change.kind:
        case "policy" if change.setting != change.name:
            return f"policy {change.setting}: {change.name}"
        case "policy":
            return f"policy {change.setting}"
        case "artifact" if change.step:
            return f"{change.step}{index}.{change.name}{within}"
        case "step":
            return f"step {change.name}{index}{within}"
        case "parameter":
            return f"parameter {change.name}"
        case _:
            return change.name


def delta(change: Change) -> str:
    match change.change:
        case "added":
            return "added" if change.new is None else f"added: {change.new}"
        case "removed":
            return "removed" if change.old is None else f"removed: {change.old}"
        case "unread":
            sides = " -> ".join(dict.fromkeys(filter(None, (change.old, change.new))))
            return f"could not be compared{': ' if sides else ''}{sides}"
    if change.old is None and change.new is None:
        return "changed"
    if _looks_equal(change):
        inside = change.explanation[0] if change.explanation else "inside"
        return f"changed: {inside if change.kind == 'step' else f'{change.old}, {inside}'}"
    return f"changed: {change.old} -> {change.new}"


def explained(change: Change) -> tuple[str, ...]:
    """Return the lines of the explanation that `delta` does not have."""
    return change.explanation[1:] if _looks_equal(change) else change.explanation


def sides(change: Change) -> tuple[str | None, str | None]:
    """Return the short texts of both sides for two columns; what differs is never shown as equal.

    Where both are equal, the explanation has the difference, and the new side only says that there
    is one. A package has one version, but another wheel or other files.
    """
    if change.kind == "package" or not _looks_equal(change):
        return change.old, change.new
    return change.old, "changed" if change.kind == "step" else "differs inside"


def _looks_equal(change: Change) -> bool:
    """Return whether both sides have the same short text, so that the explanation is needed."""
    return change.change == "changed" and change.old is not None and change.old == change.new


def tags(change: Change) -> list[str]:
    """Return the place that a change belongs to and, if it is not gated, the reason."""
    return [*_place(change), *remarks(change)]


def _place(change: Change) -> Iterator[str]:
    match change.kind:
        case "package" | "python":
            noun = _NOUNS.get(change.kind, change.kind)
            yield f"{noun} of {change.environment or 'the environment'}"
            if change.via:
                yield f"asked for by {truncate_list(change.via, _VIA)}"
        case "code":
            yield "code file"
        case "system" if change.environment:
            yield f"platform difference of {change.environment}"
        case "system":
            yield "system"


def remarks(change: Change) -> Iterator[str]:
    """Yield phrases that weigh a change: a weakening, or the reason why it is not gated."""
    if change.kind == "policy" and change.weakens:
        yield "a weakening"
    if change.determinism != "deterministic":
        yield change.determinism
    if change.within is not None:
        yield f"within tolerance ({change.within})"
    if change.accepted_by is not None:
        yield f"accepted by {change.accepted_by}"
    elif not change.gated:
        yield "shown only"
