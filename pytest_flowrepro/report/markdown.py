"""The report for a pull-request comment or a job's summary: GitHub Flavored Markdown.

The first `HEAD_LIMIT` characters have the counts, the flows that failed with their origins and
causes, and the next command: notifications and collapsed comments show no more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from pytest_flowrepro.model import flow_title
from pytest_flowrepro.report.findings import findings, next_steps, origins
from pytest_flowrepro.report.gfm import bullets, code, fenced, fitting, linked, row, table
from pytest_flowrepro.report.grouping import grouped
from pytest_flowrepro.report.overview import (
    flow_facts,
    report_counts,
    run_facts,
    uncollected_count,
    worst_first,
)
from pytest_flowrepro.report.packages import package_moves
from pytest_flowrepro.report.text import (
    cause_line,
    label,
    render_changes,
    sides,
    summary,
    tags,
    title,
    unused_pattern,
)
from pytest_flowrepro.support.text import counted, truncate_list, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_flowrepro.model import Cause, Change, FlowReport, Report, Uncollected
    from pytest_flowrepro.report.findings import Finding
    from pytest_flowrepro.report.packages import PackageMove

LIMIT = 65_000
"""Maximum number of bytes; GitHub takes 65,536 characters for a comment."""
HEAD_LIMIT = 1_000
"""Maximum number of bytes up to and with the next command."""

_TABLE_LIMIT = 10_000
_LIST_LIMIT = 5_000
"""Maximum number of bytes of each table, and of the list of obsolete baselines and unused
patterns."""
_SHARE = 4_000
"""Number of bytes that the error and the changes of a flow may always have in the details, each."""

_FLOWS = 3
"""Number of flows that are named under a cause that they share."""
_NAMES = 2
"""Number of origins, causes and settings that are named in the head."""
_NAME, _TEXT, _VALUE = 100, 160, 60
"""Maximum number of characters of a name, a sentence and a value outside of the details."""


def render_markdown(report: Report, /, *, details: bool = False) -> str:
    """Render head, tables of policy, packages and artifacts, and folded details; bounded."""
    ordered = worst_first(report.flows)
    tables = _Tables.of(ordered, details=details)
    text = f"{_head(report)}{tables.policy()}{tables.packages()}{tables.artifacts()}"
    obsolete = (baseline.text for baseline in report.obsolete)
    lines = (*obsolete, *map(unused_pattern, report.unused_patterns))
    if lines:
        text += f"\n{bullets([f'- {code(line)}' for line in lines], _LIST_LIMIT)}"
    text += f"\n<sub>{', '.join(code(fact, most=_TEXT) for fact in run_facts(report.run))}</sub>\n"
    text += _uncollected_details(report.uncollected)
    return text + _folded(ordered, LIMIT - len(text.encode()), details=details)


# --- head -------------------------------------------------------------------------------


def _head(report: Report) -> str:
    subject = "Flow baselines" if report.run.command == "diff" else "Flow reproducibility"
    start = (
        f"### {subject}: {report_counts(report)}\n\n"
        f"{_policy_sentence(report.flows)}{_uncollected_item(report.uncollected)}"
    )
    steps = (
        step.text if step.command is None else f"{step.text} with {code(step.command)}"
        for step in next_steps(report)
    )
    advice = "; ".join(steps)
    end = f"\n**Next:** {advice}.\n" if advice else ""
    return f"{start}{_findings(report, HEAD_LIMIT - len(f'{start}{end}'.encode()))}{end}"


def _uncollected_item(files: Sequence[Uncollected]) -> str:
    """Return an item with the files that could not be collected; empty without one."""
    if not files:
        return ""
    names = truncate_list([code(file.file, most=_NAME) for file in files], _NAMES)
    return f"- **not collected:** {names}. {code(files[0].error.splitlines()[0], most=_TEXT)}\n"


def _policy_sentence(flows: Sequence[FlowReport]) -> str:
    """Return a sentence about changes of the policy, those that weaken it first; may be empty."""
    changes = [
        (change, flow) for flow in flows for change in flow.changes if change.kind == "policy"
    ]
    weaker = [(change, flow) for change, flow in changes if change.weakens]
    shown = weaker or changes
    if not shown:
        return ""
    done = "weakened" if weaker else "changed"
    names = list(dict.fromkeys(_name(change) for change, _ in shown))
    concerned = counted(len({title(flow) for _, flow in shown}), "flow")
    return f"**The policy is {done}** in {concerned}: {truncate_list(names, _NAMES)}\n\n"


def _name(change: Change) -> str:
    return code(label(change), most=_NAME)


def _findings(report: Report, limit: int) -> str:
    """Return the findings as far as they fit, and the first one in any case."""
    found = findings(report)
    blocks = ["".join(_finding_lines(finding)) for finding in found]
    rest = "- and 1,000,000 more flows: see below\n"
    shown = blocks[:1] + fitting(blocks[1:], limit - len("".join((*blocks[:1], rest)).encode()))
    if left := sum(len(finding.flows) for finding in found[len(shown) :]):
        shown.append(f"- and {counted(left, 'more flow')}: see below\n")
    return "".join(shown)


def _finding_lines(finding: Finding) -> Iterator[str]:
    causes = [_cause(cause) for cause in finding.causes]
    listed = f"Cause: {truncate_list(causes, _NAMES)}"
    reason = listed if causes else code(finding.reason, most=_TEXT)
    if len(finding.flows) == 1:
        yield f"- **{finding.verdict}:** {_started(finding.flows[0])}. {reason}\n"
        return
    yield f"- **{finding.verdict}:** {len(finding.flows):,} flows. {reason}\n"
    yield from (f"  - {_started(flow)}\n" for flow in finding.flows[:_FLOWS])
    if (left := len(finding.flows) - _FLOWS) > 0:
        yield f"  - and {counted(left, 'more flow')}\n"


def _cause(cause: Cause) -> str:
    return f"{code(cause.text, most=_TEXT)} ({cause.kind})"


def _started(flow: FlowReport) -> str:
    names = [code(name, most=_NAME) for name in origins(flow)]
    started = f" started at {truncate_list(names, _NAMES)}" if names else ""
    return f"{code(title(flow), most=_NAME)}{started}"


# --- tables -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tables:
    """The tables across all flows."""

    flows: Sequence[FlowReport]
    names: Mapping[str, str]
    """The title of each flow -> its name without the file, if no other flow has the same."""
    details: bool

    @classmethod
    def of(cls, flows: Sequence[FlowReport], *, details: bool) -> _Tables:
        names = {title(flow): flow_title(flow.flow, flow.case) for flow in flows}
        times = Counter(names.values())
        unique = {full: name if times[name] == 1 else full for full, name in names.items()}
        return cls(flows=flows, names=unique, details=details)

    def policy(self) -> str:
        """Return the table of the settings, those that weaken a check first."""
        changed: dict[tuple[bool, str, str | None, str | None], list[str]] = {}
        for flow in self.flows:
            for change in flow.changes:
                if change.kind == "policy":
                    key = (not change.weakens, label(change), change.old, change.new)
                    changed.setdefault(key, []).append(title(flow))
        rows = (
            row(
                [
                    _cell(name.removeprefix("policy ")),
                    _cell(old),
                    _cell(new),
                    "" if is_no_weakening else "a weakening",
                    self._concerned(titles),
                ]
            )
            for (is_no_weakening, name, old, new), titles in sorted(
                changed.items(), key=lambda item: item[0][:2]
            )
        )
        header = ("setting", "old", "new", "effect", "flows")
        return _section("Policy", header, rows, total=len(changed), noun="setting")

    def packages(self) -> str:
        """Return the table of packages and interpreters, the most severe moves first."""
        moves = package_moves(self.flows)
        header = ("package", "old", "new", "move", "asked for by", "environments", "flows")
        rows = map(self._package_row, moves)
        return _section("Packages", header, rows, total=len(moves), noun="package")

    def _package_row(self, move: PackageMove) -> str:
        asking = ["the flow"] if move.is_direct else []
        asking += [_cell(name) for name in move.via]
        return row(
            [
                linked(_cell(move.name, most=_NAME), move.link),
                _cell(move.old),
                _cell(move.new),
                move.kind if move.gated else f"{move.kind}, shown only",
                truncate_list(asking, 3),
                truncate_list([_cell(name) for name in move.environments], 3),
                self._concerned(move.flows),
            ]
        )

    def artifacts(self) -> str:
        """Return the table of artifacts, parameters, steps and tasks, gated ones first."""
        changed = [
            (flow, change)
            for flow in self.flows
            for change in (flow.changes if self.details else grouped(flow.changes))
            if change.kind in {"artifact", "parameter", "step"}
        ]
        changed.sort(key=lambda pair: (not pair[1].gated, pair[1].origin == "derived"))
        rows = (self._artifact_row(flow, change) for flow, change in changed)
        header = ("flow", "artifact", "old", "new", "difference", "cause")
        return _section("Artifacts", header, rows, total=len(changed), noun="change")

    def _artifact_row(self, flow: FlowReport, change: Change) -> str:
        cause = "derived" if change.origin == "derived" else change.cause
        old, new = sides(change)
        return row(
            [
                self._concerned([title(flow)]),
                _cell(label(change), most=_NAME),
                _cell(old),
                _cell(new),
                _cell(change.explanation[0], most=_TEXT) if change.explanation else "",
                ", ".join((*filter(None, (cause,)), *map(_cell, tags(change)))),
            ]
        )

    def _concerned(self, titles: Sequence[str]) -> str:
        """Return the name of a flow, or the number of several."""
        if len(titles) == 1:
            return _cell(self.names[titles[0]], most=_NAME)
        return counted(len(titles), "flow")


def _section(
    name: str, header: Sequence[str], rows: Iterator[str], *, total: int, noun: str
) -> str:
    if not total:
        return ""
    return f"\n#### {name}\n\n{table(header, rows, total=total, noun=noun, limit=_TABLE_LIMIT)}"


def _cell(text: str | None, most: int = _VALUE) -> str:
    return "" if text is None else code(text, in_table=True, most=most)


# --- folded -----------------------------------------------------------------------------


def _folded(flows: Sequence[FlowReport], limit: int, *, details: bool) -> str:
    """Return a table of all flows, and the details of each, as far as they fit."""
    rows = (
        row([flow.verdict, _cell(title(flow), most=_NAME), "; ".join(summary(flow))])
        for flow in flows
    )
    header = ("verdict", "flow", "what changed")
    text = ""
    if flows:
        body = table(header, rows, total=len(flows), noun="flow", limit=_TABLE_LIMIT)
        text = _fold(counted(len(flows), "flow"), body)
    detailed = [flow for flow in flows if details or flow.changes or flow.notes or flow.error]
    left = limit - len(text.encode()) - 200
    share = max(_SHARE, left // (2 * len(detailed) or 1))
    shown = fitting((_details(flow, share, details=details) for flow in detailed), left)
    text += "".join(shown)
    if missing := len(detailed) - len(shown):
        count = counted(missing, "more flow")
        text += f"\nThe details of {count} are left out: see the JSON report.\n"
    return text


def _uncollected_details(files: Sequence[Uncollected]) -> str:
    if not files:
        return ""
    lines = "\n\n".join(f"{file.file}\n{file.error}" for file in files)
    return _fold(uncollected_count(files), fenced(lines, _LIST_LIMIT), is_open=True)


def _fold(summary_html: str, body: str, *, is_open: bool = False) -> str:
    opened = " open" if is_open else ""
    return f"\n<details{opened}><summary>{summary_html}</summary>\n\n{body}\n</details>\n"


def _details(flow: FlowReport, share: int, *, details: bool) -> str:
    name = f"<code>{escape(visible(title(flow)))}</code>"
    error = fenced(flow.error, share) if flow.error else ""
    lines = [f"- {code(cause_line(cause))}" for cause in flow.causes]
    lines += (
        f"{'  ' * line.depth}- {code(line.text)}"
        for line in render_changes(flow.changes, details=details)
    )
    lines += (f"- note: {code(note)}" for note in flow.notes)
    if details:
        lines += (f"- {code(fact)}" for fact in flow_facts(flow))
    body = f"{error}{bullets(lines, share)}"
    return _fold(f"{flow.verdict}: {name}", body, is_open=flow.error is not None)
