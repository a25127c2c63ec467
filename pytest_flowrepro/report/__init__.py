"""The reports of one session, for people and for machines.

A format is imported when it is first used: most sessions write none, and need only the text.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.report.text import (
    cause_line,
    changes_lines,
    render_text,
    started_at,
    summary_line,
)

if TYPE_CHECKING:
    from pytest_flowrepro.report.formats import FORMATS
    from pytest_flowrepro.report.gitlab import render_gitlab
    from pytest_flowrepro.report.html import render_html
    from pytest_flowrepro.report.interface import append_report, write_report
    from pytest_flowrepro.report.json import render_json
    from pytest_flowrepro.report.junit import suite_properties
    from pytest_flowrepro.report.markdown import render_markdown
    from pytest_flowrepro.report.sarif import render_sarif

_MODULES = {
    "FORMATS": "formats",
    "append_report": "interface",
    "render_gitlab": "gitlab",
    "render_html": "html",
    "render_json": "json",
    "render_markdown": "markdown",
    "render_sarif": "sarif",
    "suite_properties": "junit",
    "write_report": "interface",
}
"""The modules of the names that are imported when they are used (PEP 562)."""

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


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
