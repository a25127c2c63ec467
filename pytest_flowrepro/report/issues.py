"""The results of a report as issues of a code host: one for each change, error, gap and note. Pure.

A host shows an issue at a place in a file. It knows an issue of an earlier report again by the
fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_flowrepro.model import PASSING, ChangeKind, flow_title
from pytest_flowrepro.report.grouping import grouped
from pytest_flowrepro.report.text import cause_line, delta, explained, label, tags, unused_pattern
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import Change, FlowReport, Report

Rule: TypeAlias = ChangeKind | Literal["error", "no-baseline", "obsolete-baseline"]
"""The kind of a result."""
Remark: TypeAlias = Literal["note", "unused-pattern"]
Level: TypeAlias = Literal["error", "warning", "note"]
"""error: it fails a check. note: it is only shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    rule: Rule | Remark
    level: Level
    path: str
    """A file relative to the repository, with `/`."""
    lines: tuple[str, ...]
    """A sentence, and lines that explain it; of visible characters."""
    fingerprint: str
    """The same for the same thing in every report, whatever its values are; unique in this one."""
    accepted_by: str | None = None
    """The plugin that accepted the change."""


def issues(report: Report, *, details: bool = False) -> tuple[Issue, ...]:
    """Return the files that could not be collected, the issues of all flows, obsolete baselines.

    Tasks that differ in the same way are one issue, with `details` several.
    """
    found = [
        Issue(
            rule="error",
            level="error",
            path=uncollected.file,
            lines=_visible_lines((uncollected.text, *uncollected.error.splitlines()[1:])),
            fingerprint=_digest("uncollected", uncollected.file),
        )
        for uncollected in report.uncollected
    ]
    found += (issue for flow in report.flows for issue in _of_flow(flow, details=details))
    found += (
        Issue(
            rule="obsolete-baseline",
            level="warning",
            path=f"{baseline.folder}/manifest.json",
            lines=(visible(baseline.text),),
            fingerprint=_digest("obsolete-baseline", baseline.folder),
        )
        for baseline in report.obsolete
    )
    return tuple(replace(issue, path=in_repository(report, issue.path)) for issue in found)


def remarks(report: Report) -> tuple[Issue, ...]:
    """Return an issue for each note on a flow, and for each pattern that no flow needed."""
    notes = [
        Issue(
            rule="note",
            level="note",
            path=flow.file,
            lines=(visible(f"{flow_title(flow.flow, flow.case)}: {note}"),),
            fingerprint=_digest(flow.file, flow.flow, flow.case, "note", note),
        )
        for flow in report.flows
        for note in flow.notes
    ]
    notes += (
        Issue(
            rule="unused-pattern",
            level="note",
            path="pyproject.toml",
            lines=(visible(unused_pattern(pattern)),),
            fingerprint=_digest("unused-pattern", pattern),
        )
        for pattern in report.unused_patterns
    )
    return tuple(replace(note, path=in_repository(report, note.path)) for note in notes)


def in_repository(report: Report, file: str) -> str:
    """Return the path in the repository of a file of the project: hosts know no other."""
    return f"{report.run.folder}/{file}" if report.run.folder else file


def _of_flow(flow: FlowReport, *, details: bool) -> Iterator[Issue]:
    if flow.verdict == "no baseline":
        message = flow.error or "\n".join(("no baseline is recorded", *flow.notes))
        yield _about(flow, "no-baseline", message)
    elif flow.error:
        yield _about(flow, "error", flow.error)
    seen: Counter[tuple[object, ...]] = Counter()
    for change in flow.changes if details else grouped(flow.changes):
        identity = _identity(change)
        seen[identity] += 1
        yield Issue(
            rule=change.kind,
            level="error" if change.gated and flow.verdict not in PASSING else "note",
            path=flow.file,
            lines=_visible_lines(_change_lines(flow, change)),
            fingerprint=_digest(flow.file, flow.flow, flow.case, *identity, seen[identity]),
            accepted_by=change.accepted_by,
        )


def _about(flow: FlowReport, rule: Rule, message: str) -> Issue:
    first, *others = _visible_lines(message.splitlines())
    title = visible(flow_title(flow.flow, flow.case))
    return Issue(
        rule=rule,
        level="error",
        path=flow.file,
        lines=(first if title in first else f"{title}: {first}", *others),
        fingerprint=_digest(flow.file, flow.flow, flow.case, rule),
    )


def _identity(change: Change) -> tuple[object, ...]:
    """Return the place of a change, without its values; grouped tasks have no index."""
    is_group = change.tasks is not None and change.tasks[0] > 1
    index = None if is_group or change.index is None else list(change.index)
    thing = (change.kind, change.setting, change.name, change.declared)
    return (*thing, change.environment, change.step, json.dumps(index))


def _digest(*identity: object) -> str:
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _change_lines(flow: FlowReport, change: Change) -> Iterator[str]:
    remarks = f" ({', '.join(tags(change))})" if tags(change) else ""
    title = flow_title(flow.flow, flow.case)
    yield f"{title}: {label(change)} {delta(change)}{remarks}"
    yield from explained(change)
    if change.origin == "derived":
        yield "derived from a change of an earlier task"
    yield from (
        cause_line(cause)
        for cause in flow.causes
        if cause.kind == change.cause and (not cause.steps or change.step in cause.steps)
    )


def _visible_lines(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(visible(line) for line in lines)
