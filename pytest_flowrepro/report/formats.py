"""The formats of reports, by the suffix of their option."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.report.gitlab import render_gitlab
from pytest_flowrepro.report.html import render_html
from pytest_flowrepro.report.json import render_json
from pytest_flowrepro.report.markdown import render_markdown
from pytest_flowrepro.report.sarif import render_sarif

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
