"""The report as one page: no scripts, nothing loaded, readable in light and dark and in print."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pytest_flowrepro.report.grouping import shown
from pytest_flowrepro.report.overview import run_facts, verdict_counts, worst_first
from pytest_flowrepro.report.text import delta, label, summary, tags, title, unused_pattern
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.model import Change, FlowReport, GraphStep, Report, Verdict

_MARKS: Mapping[Verdict, str] = {
    "error": "!",
    "drifted": "≠",
    "no baseline": "?",
    "recorded": "+",
    "accepted": "~",
}
"""The marks next to the verdicts, `=` for the others: colour is never the only sign of one."""
_UNFOLDED = {"error", "drifted", "no baseline"}

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: light-dark(#57606a, #9aa4af);
  --good: light-dark(#116329, #57d364); --bad: light-dark(#a40e26, #ff8f8f);
  --warn: light-dark(#7d4e00, #e3b341); }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  background: light-dark(#fff, #14171c); color: light-dark(#1f2328, #e6edf3); }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 0; display: inline; }
p { margin: .25rem 0 1rem; color: var(--quiet); }
code, pre { font: .875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; border-left: 3px solid var(--bad); padding-left: .75rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--quiet); padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0;
  border-top: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 500; border-top: 0; }
tbody th { font-weight: inherit; }
details { border-top: 1px solid var(--line); padding: .75rem 0; }
summary { cursor: pointer; }
.verdict { display: inline-block; min-width: 8rem; font-weight: 600; }
.verdict { color: var(--good); }
.drifted, .error { color: var(--bad); }
.no-baseline, .accepted { color: var(--warn); }
.said, .remark { color: var(--quiet); }
ul { margin: .25rem 0; padding-left: 1.25rem; }
""".strip()

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Flow reproducibility</title>
<style>
{style}
</style>
</head>
<body>
<main>
<h1>Flow reproducibility</h1>
<p>{counts}</p>
<p>{run}</p>
{project}
{flows}
</main>
</body>
</html>
"""


def render_html(report: Report, /, *, details: bool = False) -> str:
    """Render the flows, the worst verdict first; those that did not reproduce are unfolded."""
    flows = "\n".join(_flow(flow, details=details) for flow in worst_first(report.flows))
    project = (*report.obsolete, *map(unused_pattern, report.unused_patterns))
    return _PAGE.format(
        style=_STYLE,
        counts=verdict_counts(report.flows),
        run=_escaped(", ".join(run_facts(report.run))),
        project="\n".join(_list(project)),
        flows=flows,
    )


def _flow(report: FlowReport, *, details: bool) -> str:
    kind = report.verdict.replace(" ", "-")
    is_open = " open" if report.verdict in _UNFOLDED else ""
    mark = f'<span aria-hidden="true">{_MARKS.get(report.verdict, "=")}</span>'
    return "\n".join(
        [
            f"<details{is_open}>",
            "<summary>",
            f'<span class="verdict {kind}">{mark} {report.verdict}</span>',
            f"<h2><code>{_escaped(title(report))}</code></h2>",
            f'<span class="said">{_escaped("; ".join(summary(report)))}</span>',
            "</summary>",
            *([f"<pre>{_escaped_lines(report.error)}</pre>"] if report.error else []),
            *_changes(report.changes, details=details),
            *_list(report.notes),
            *_graph(report.graph),
            *_seconds(report.seconds),
            "</details>",
        ]
    )


def _changes(changes: tuple[Change, ...], *, details: bool) -> list[str]:
    """Render the first changes openly, and the derived ones folded unless all are derived."""
    arranged = shown(changes, details=details)
    if not arranged.leading:
        return _html_table("Differences from the baseline, derived", arranged.derived)
    lines = _html_table("Differences from the baseline", arranged.leading)
    if arranged.derived:
        lines += [
            f"<details{' open' if details else ''}>",
            f"<summary>derived, {len(arranged.derived):,} more</summary>",
            *_html_table("Derived from those above", arranged.derived),
            "</details>",
        ]
    return lines


def _html_table(caption: str, changes: tuple[Change, ...]) -> list[str]:
    if not changes:
        return []
    return [
        "<table>",
        f"<caption>{caption}</caption>",
        "<thead><tr>",
        *(f'<th scope="col">{name}</th>' for name in ("what", "difference", "remarks")),
        "</tr></thead>",
        "<tbody>",
        *(_change(change) for change in changes),
        "</tbody>",
        "</table>",
    ]


def _change(change: Change) -> str:
    inside = "".join(_list(change.explanation, wrap="code"))
    return (
        f'<tr><th scope="row"><code>{_escaped(label(change))}</code></th>'
        f"<td><code>{_escaped(delta(change))}</code>{inside}</td>"
        f'<td class="remark">{_escaped(", ".join(tags(change)))}</td></tr>'
    )


def _list(items: tuple[str, ...], *, wrap: str = "span") -> list[str]:
    if not items:
        return []
    return ["<ul>", *(f"<li><{wrap}>{_escaped(item)}</{wrap}></li>" for item in items), "</ul>"]


def _graph(graph: tuple[GraphStep, ...]) -> list[str]:
    return _list(tuple(f"{step.name}: {step.state}" for step in graph))


def _seconds(seconds: tuple[tuple[str, float], ...]) -> list[str]:
    if not seconds:
        return []
    stages = ", ".join(f"{stage} {spent:.1f} s" for stage, spent in seconds)
    return [f"<p>{_escaped(stages)}</p>"]


def _escaped(text: str) -> str:
    return escape(visible(text))


def _escaped_lines(text: str) -> str:
    return "\n".join(_escaped(line) for line in text.splitlines())
