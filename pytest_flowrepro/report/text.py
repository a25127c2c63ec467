"""What the terminal shows, in plain words."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pytest_flowrepro.report.grouping import grouped, shown
from pytest_flowrepro.support.text import counted, some_of, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import Change, FlowReport

# What the machines that run CI jobs read as orders in a log: GitHub at the start of a line, Azure
# and TeamCity (and GitHub's older form) anywhere.
_ORDER = re.compile(r"^(\s*)::|##(?=\w*\[)")

_NOUNS = {"python": "interpreter", "system": "system layer", "policy": "policy setting"}
_KINDS = ("policy", "artifact", "parameter", "step", "package", "requirement", "python", "system")

_DERIVED = 10
"""As many derived changes have lines of their own; of the others there are names."""
_DERIVED_LINES = 2
"""Of the explanation of each."""
_NAMES = 20


def inert(text: str) -> str:
    """One line that a terminal and a CI machine show, and do not act upon."""
    return _ORDER.sub(_disarmed, visible(text))


def _disarmed(match: re.Match[str]) -> str:
    return "\\u0023#" if match.group() == "##" else f"{match.group(1)}\\u003a:"


def render_text(reports: tuple[FlowReport, ...]) -> str:
    """Every flow: its summary, and below that all that there is to say about it."""
    return "".join(f"{line}\n" for report in reports for line in report_lines(report))


def report_lines(report: FlowReport) -> list[str]:
    lines = [summary_line(report)]
    lines += [f"    {line}" for line in changes_lines(report.changes)]
    lines += [f"    note: {inert(note)}" for note in report.notes]
    if report.error:
        lines += [f"    {inert(line)}" for line in report.error.splitlines()]
    return lines


def summary_line(report: FlowReport) -> str:
    """`drifted  flows/train.py::TrainFlow[small]  1 artifact, 2 packages changed  (3.1 s)`."""
    parts = [f"{report.verdict:<10}", inert(title(report))]
    said = "; ".join(summary(report))
    if said:
        parts.append(said)
    spent = sum(seconds for _, seconds in report.seconds)
    return "  ".join(parts) + (f"  ({spent:.1f} s)" if report.seconds else "")


def title(report: FlowReport) -> str:
    case = "" if report.case is None else f"[{report.case}]"
    return f"{report.file}::{report.flow}{case}"


def summary(report: FlowReport) -> list[str]:
    """What changed, by kind and counted; and what was not compared."""
    platform = [c for c in report.changes if c.kind == "system" and c.environment]
    within = sum(change.within is not None for change in report.changes)
    unread = sum(change.change == "unread" for change in report.changes)
    differing = (c for c in report.changes if c.within is None and c.change != "unread")
    kinds = Counter("requirement" if c.declared else c.kind for c in differing)
    kinds["system"] -= len(platform)
    said = []
    counts = [counted(kinds[k], _NOUNS.get(k, k)) for k in _KINDS if kinds[k]]
    if counts:
        said.append(f"{', '.join(counts)} changed")
    if any(change.weakens for change in report.changes):
        said.append("policy weakened")
    if unread:
        said.append(f"{counted(unread, 'artifact')} could not be compared")
    if within:
        said.append(f"{counted(within, 'artifact')} within tolerance")
    if platform:
        said.append(counted(len(platform), "platform difference"))
    if kinds["code"]:
        said.append(f"{counted(kinds['code'], 'file')} changed since the baseline")
    compared = report.verdict != "error" and "rerun" in dict(report.seconds)
    if kinds["code"] and compared and not kinds["artifact"]:
        said.append("artifacts unchanged")
    if report.nondeterministic:
        said.append(f"{counted(report.nondeterministic, 'nondeterministic artifact')} not compared")
    return said


def changes_lines(changes: Iterable[Change], *, details: bool = False) -> list[str]:
    """What changed, and below each change where inside it, as `told` orders and bounds them."""
    return [f"{'    ' * depth}{line}" for depth, line in told(changes, details=details)]


def told(changes: Iterable[Change], *, details: bool = False) -> Iterator[tuple[int, str]]:
    """Lines for a person, each with its depth: what started it first and in full, then, shorter,
    what derives from it. With `details` all of it in full, task by task.
    """
    those = shown(changes, details=details)
    for change in those.leading:
        yield from _with_explanation(change, 0)
    if those.derived:
        yield 0, f"derived, {len(those.derived):,} more:" if those.leading else "derived:"
    most = len(those.derived) if details else _DERIVED
    for change in those.derived[:most]:
        yield from _with_explanation(change, 1, None if details else _DERIVED_LINES)
    if rest := those.derived[most:]:
        names = some_of([inert(subject(change)) for change in rest], _NAMES)
        yield 1, f"and {len(rest):,} more: {names}"


def _with_explanation(
    change: Change, depth: int, most: int | None = None
) -> Iterator[tuple[int, str]]:
    words = [f"{inert(subject(change))}  {inert(movement(change))}"]
    yield depth, "   ".join((*words, *map(inert, remarks(change))))
    kept = change.explanation[:most]
    yield from ((depth + 1, inert(line)) for line in kept)
    if len(kept) < len(change.explanation):
        yield depth + 1, f"... {counted(len(change.explanation) - len(kept), 'more line')}"


def started_at(changes: Iterable[Change]) -> str | None:
    """`start.rows, parameter alpha`: where the changes started from which others derive."""
    changes = tuple(changes)
    if not any(change.origin == "derived" for change in changes):
        return None
    names = [inert(subject(change)) for change in grouped(changes) if change.origin == "first"]
    return some_of(names) if names else None


def subject(change: Change) -> str:
    """What a change is about: `train[0].score`, `step train[0]`, `parameter alpha`, `numpy`; of
    several tasks in one, `train.score: 37 of 1,000 tasks, first at [3]`.
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


def movement(change: Change) -> str:
    match change.change:
        case "added":
            return "added" if change.new is None else f"added: {change.new}"
        case "removed":
            return "removed" if change.old is None else f"removed: {change.old}"
        case "unread":
            return "could not be compared"
    if change.old is None and change.new is None:
        return "changed"
    return f"changed: {change.old} -> {change.new}"


def remarks(change: Change) -> list[str]:
    """Where it belongs, and whether it counts."""
    said = []
    match change.kind:
        case "policy" if change.weakens:
            said.append("a weakening")
        case "package" | "python":
            noun = _NOUNS.get(change.kind, change.kind)
            said.append(f"{noun} of {change.environment or 'the environment'}")
        case "code":
            said.append("code file")
        case "system" if change.environment:
            said.append(f"platform difference of {change.environment}")
        case "system":
            said.append("system")
    if change.determinism != "deterministic":
        said.append(change.determinism)
    if change.within is not None:
        said.append(f"within tolerance ({change.within})")
    if change.accepted_by is not None:
        said.append(f"accepted by {change.accepted_by}")
    elif not change.gated:
        said.append("shown only")
    return said
