"""The page of a report: its templates, its style and its script, allowed by their hashes."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from pytest_flowrepro.report.html.view import view_page
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from jinja2 import Environment

    from pytest_flowrepro.model import Report

_PACKAGE = "pytest_flowrepro.report.html"


def render_html(report: Report, /, *, details: bool = False) -> str:
    """Render one page that loads nothing; `details` shows every task by itself."""
    from markupsafe import Markup  # noqa: PLC0415  only sessions that write HTML pay for it

    style, script = _asset("page.css"), _asset("page.js")
    page = _environment().get_template("page.html.jinja")
    return page.render(
        page=view_page(report, details=details),
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704  files of this package
        script=Markup(script),  # noqa: S704
    )


def _environment() -> Environment:
    """Return templates in which each value is one line of visible characters, and escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _finalize(value: object) -> object:
    return value if hasattr(value, "__html__") or not isinstance(value, str) else visible(value)


def _asset(name: str) -> str:
    return resources.files(_PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows these two texts and nothing else.

    https://www.w3.org/TR/CSP3/#match-element-to-source-list
    """
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
