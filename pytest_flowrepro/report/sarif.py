"""The report for a host that shows results of code analysis, such as GitHub: SARIF 2.1.0.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
What GitHub reads: https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args
from urllib.parse import quote

from pytest_flowrepro.report.issues import Level, issues, remarks
from pytest_flowrepro.report.overview import run_facts
from pytest_flowrepro.support.docs import SITE, docs
from pytest_flowrepro.support.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_flowrepro.model import Report
    from pytest_flowrepro.report.issues import Issue, Remark, Rule
    from pytest_flowrepro.support.strict_json import Json

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

LIMIT = 25_000
"""Maximum number of results: GitHub rejects a file with more.

https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit
"""

_LEVELS: tuple[Level, ...] = get_args(Level)

_TITLES: Mapping[Rule, str] = {
    "policy": "A setting of the check differs from the baseline",
    "code": "A file of the code package differs from the baseline",
    "package": "A package differs from the baseline",
    "python": "An interpreter differs from the baseline",
    "system": "The system differs from the baseline",
    "parameter": "A parameter differs from the baseline",
    "step": "A step or a task differs from the baseline",
    "artifact": "An artifact differs from the baseline",
    "error": "A flow could not be checked",
    "no-baseline": "A flow is not recorded",
    "obsolete-baseline": "A baseline has no flow",
}
_RULES: tuple[Rule, ...] = tuple(_TITLES)


def render_sarif(report: Report, /, *, details: bool = False) -> str:
    """Render one run in ASCII: issues as results, notes and unused patterns as notifications."""
    worst_first = sorted(
        issues(report, details=details), key=lambda issue: _LEVELS.index(issue.level)
    )
    run: Json = {
        "tool": {
            "driver": {
                "name": "pytest-flowrepro",
                "version": report.run.version,
                "informationUri": SITE,
                "rules": [_rule(rule) for rule in _RULES],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not report.uncollected
                and all(flow.verdict != "error" for flow in report.flows),
                "endTimeUtc": report.run.date,
                "toolExecutionNotifications": [
                    *_left_out(worst_first),
                    *_notifications(report, "note"),
                ],
                "toolConfigurationNotifications": [*_notifications(report, "unused-pattern")],
            }
        ],
        "results": [_result(issue) for issue in worst_first[:LIMIT]],
        "properties": {"run": [visible(fact) for fact in run_facts(report.run)]},
    }
    document: Json = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def _rule(rule: Rule) -> Json:
    match rule:
        case "error":
            page = docs("reference/options#verdicts")
        case "no-baseline":
            page = docs("tutorial/first-flow#record")
        case "obsolete-baseline":
            page = docs("reference/baseline#obsolete-baselines")
        case _:
            page = docs("how-to/review-a-drift#accept-or-reject-it")
    level = "warning" if rule == "obsolete-baseline" else "error"
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in rule.split("-")),
        "shortDescription": {"text": _TITLES[rule]},
        "fullDescription": {"text": f"{_TITLES[rule]}."},
        "help": {"text": f"{_TITLES[rule]}. See {page}"},
        "helpUri": page,
        "defaultConfiguration": {"level": level},
    }


def _result(issue: Issue) -> Json:
    result: dict[str, Json] = {
        "ruleId": issue.rule,
        "ruleIndex": _RULES.index(issue.rule),
        "level": issue.level,
        "message": _message("\n".join(issue.lines)),
        "locations": [_location(issue.path)],
        # GitHub knows an alert by this name only.
        "partialFingerprints": {"primaryLocationLineHash": issue.fingerprint},
    }
    if issue.accepted_by is not None:
        justification = visible(f"accepted by {issue.accepted_by}")
        result["suppressions"] = [{"kind": "external", "justification": justification}]
    return result


def _left_out(found: Sequence[Issue]) -> Iterator[Json]:
    if left := len(found[LIMIT:]):
        text = f"{counted(left, 'more result')} left out: see the JSON report"
        yield {"level": "warning", "message": _message(text)}


def _notifications(report: Report, rule: Remark) -> Iterator[Json]:
    for remark in remarks(report):
        if remark.rule == rule:
            yield {
                "level": remark.level,
                "message": _message("\n".join(remark.lines)),
                "locations": [_location(remark.path)],
            }


def _message(text: str) -> Json:
    """Return a message in which nothing is a link: `[text](target)` is one (section 3.11.6).

    Braces stay single, although section 3.11.5 doubles them: a message without arguments is shown
    as it is.
    """
    return {"text": text.replace("](", "]\\(")}


def _location(path: str) -> Json:
    uri = quote(path.encode("utf-8", "surrogatepass"))  # a name may not be UTF-8
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1},
        }
    }
