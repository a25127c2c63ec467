"""The report for the code quality of a GitLab merge request.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_flowrepro.report.issues import issues, remarks
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.model import Report
    from pytest_flowrepro.report.issues import Issue, Level
    from pytest_flowrepro.support.strict_json import Json

_SEVERITIES: Mapping[Level, str] = {"error": "major", "warning": "minor", "note": "info"}


def render_gitlab(report: Report, /, *, details: bool = False) -> str:
    """Render an array in ASCII, with an object for each issue and remark."""
    found = (*issues(report, details=details), *remarks(report))
    document: Json = [_object(issue) for issue in found]
    return json.dumps(document, indent=2) + "\n"


def _object(issue: Issue) -> Json:
    return {
        "description": "\n".join(issue.lines),
        "check_name": f"flowrepro.{issue.rule}",
        "fingerprint": issue.fingerprint,
        "severity": _SEVERITIES[issue.level],
        "location": {"path": visible(issue.path), "lines": {"begin": 1}},
    }
