"""The page of a report: its templates, its style and its script, allowed by their hashes."""

from __future__ import annotations

import secrets
from importlib import resources
from typing import TYPE_CHECKING

from pytest_flowrepro.report.html.cards import card_sources, csp_hash, view_cards
from pytest_flowrepro.report.html.pictures import BAR, HISTOGRAM
from pytest_flowrepro.report.html.view import view_page
from pytest_flowrepro.report.overview import worst_first
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jinja2 import Environment

    from pytest_flowrepro.model import Report

_PACKAGE = "pytest_flowrepro.report.html"


def render_html(report: Report, /, *, details: bool = False) -> str:
    """Render one page that loads nothing; `details` shows every task by itself."""
    from markupsafe import Markup  # noqa: PLC0415  only sessions that write HTML pay for it

    style, script, card_script = _asset("page.css"), _asset("page.js"), _asset("cards.js")
    nonce = secrets.token_hex(16)
    cards = view_cards(worst_first(report.flows), nonce=nonce)
    scripts = (script, card_script) if cards.pieces else (script,)
    page = _environment().get_template("page.html.jinja")
    return page.render(
        page=view_page(report, details=details),
        cards=cards,
        policy=_policy(style, scripts, card_sources(nonce) if cards.pieces else {}),
        style=Markup(style),  # noqa: S704  files of this package
        scripts=tuple(map(Markup, scripts)),
    )


def _environment() -> Environment:
    """Return templates in which each value is one line of visible characters, and escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(histogram_size=HISTOGRAM, bar_width=BAR)
    return environment


def _finalize(value: object) -> object:
    return value if hasattr(value, "__html__") or not isinstance(value, str) else visible(value)


def _asset(name: str) -> str:
    return resources.files(_PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, scripts: Iterable[str], more: Mapping[str, str]) -> str:
    """Return a Content-Security-Policy that allows these texts, and `more` by directive.

    https://www.w3.org/TR/CSP3/#match-element-to-source-list
    """
    sources = {
        "default-src": ["'none'"],
        "style-src": [csp_hash(style)],
        "script-src": list(map(csp_hash, scripts)),
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    for directive, allowed in more.items():
        sources.setdefault(directive, []).append(allowed)
    return "; ".join(f"{directive} {' '.join(texts)}" for directive, texts in sources.items())
