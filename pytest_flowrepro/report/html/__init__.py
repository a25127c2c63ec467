"""The report as one page that works from a file: nothing is loaded, and no script is needed."""

from pytest_flowrepro.report.html.page import render_html

__all__ = ["render_html"]
