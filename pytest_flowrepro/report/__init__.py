"""The reports of one session, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.report.gitlab import render_gitlab
from pytest_flowrepro.report.html import render_html
from pytest_flowrepro.report.interface import append_report, write_report
from pytest_flowrepro.report.json import render_json
from pytest_flowrepro.report.junit import suite_properties
from pytest_flowrepro.report.markdown import render_markdown
from pytest_flowrepro.report.sarif import render_sarif
from pytest_flowrepro.report.text import (
    cause_line,
    changes_lines,
    render_text,
    started_at,
    summary_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.report.interface import ReportFormat

FORMATS: Mapping[str, ReportFormat] = {
    "json": render_json,
    "md": render_markdown,
    "html": render_html,
    "sarif": render_sarif,
    "gitlab": render_gitlab,
}
"""The formats, by the suffix of the option: `--flow-repro-json`."""

__all__ = [
    "FORMATS",
    "append_report",
    "cause_line",
    "changes_lines",
    "render_gitlab",
    "render_html",
    "render_json",
    "render_markdown",
    "render_sarif",
    "render_text",
    "started_at",
    "suite_properties",
    "summary_line",
    "write_report",
]
