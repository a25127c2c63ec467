from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from flow_reports import ATTACKS, DRIFTED, FAILED, REPRODUCED, hostile, report_of
from sample_report import sample_report

from pytest_flowrepro.model import Uncollected
from pytest_flowrepro.report import render_html
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from pytest_flowrepro.model import Report

VOID = {"meta", "input", "img"}
CELLS = {"th", "td", "text"}
REFERENCES = {"id", "href", "aria-labelledby", "data-of"}
"""Attributes that hold an id, which follows from the name of a flow."""
NAMES = {"alt", "aria-label"}
"""Attributes that describe a picture, with the name of its value."""
GEOMETRY = {"width", "height", "viewbox", "d", "x", "y", "transform"}
"""Attributes of a drawing, in which a box is as wide as the longest name."""


class Page(HTMLParser):
    """The elements of a page and its text; fails on a page that is not well-formed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in CELLS:
            self.text += " "

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"style", "script"}:
            self.text += data

    def values(self, *names: str) -> list[str]:
        return [value or "" for name, value in self.attributes if name in names]


def test_classes_are_written_as_attributes() -> None:
    page = Page(render_html(sample_report()))

    assert {"wide", "said", "quiet", "error", "no-baseline"} <= set(page.values("class"))
    assert '"' not in "".join(name for name, _ in page.attributes)


def words(page: Page) -> str:
    return " ".join(page.text.split())


def test_the_page_shows_every_flow_the_worst_first() -> None:
    page = Page(render_html(report_of(REPRODUCED, DRIFTED, FAILED)))

    assert "! 1 error ≠ 1 drifted = 1 reproduced" in words(page)
    places = [page.text.index(name) for name in ("BadFlow", "TrainFlow@small", "HelloFlow")]
    assert places == sorted(places)
    for phrase in ("train[0, 3].score", "0.91 0.93", "@kubernetes ran locally", "is empty"):
        assert phrase in words(page)


def test_the_page_shows_all_that_a_report_has() -> None:
    text = words(Page(render_html(sample_report())))

    for phrase in (
        "checked with packages as locked",
        "commit 0123456789 on main",
        "Causes of more than one flow",
        "2 packages changed: numpy 2.4.5 -> 2.4.6, pandas 2.3.3 -> 3.0.0 3 flows",
        "flows/old.py does not exist",
        "tool.flowrepro.ignore: *.elapsed_seconds matched nothing",
        "environment 2 packages changed",
        "(first in start)",
        "code code of step train changed",
        "prepare, foreach: unchanged, then train",
        "poll, split-switch: failed, then poll, load",
        "≠ origin",
        "↳ downstream",
        "What to do next correct the files that could not be collected",
        "check it on your machine: pytest --flow-repro",
        "Files that could not be collected flows/draft.py flows/draft.py, line 7: not valid",
        "Packages that moved in more than one flow 3",
        "numpy 2.4.5 2.4.6 base patch, required by pandas, 3 flows",
        "pandas 2.3.3 3.0.0 base major",
        "pytz 2025.2 absent base removed, required by pandas",
        "policy ignore: *.elapsed absent ignored added, a weakening",
        "column 'price': float64 -> float32",
        "train.score: 5 of 8 tasks, first at [0]",
        "within tolerance (max 3.1e-9), shown only",
        "6 other packaged files changed",
        "baseline now difference",
        "Distribution of column price baseline now -46",
        "Numbers of .coef_",
        "age 0.41 0.44",
        "region absent 0.18",
        "215 equal 2026-03-29 2026-03-30",
        "28 more cells differ.",
        "equal lines left out 4 rows read: 10,000 4 rows read: 10,000",
        "6 rows without a day: 31",
        "@kubernetes ran locally",
        "rerun 9.3 s",
        "1 nondeterministic artifact not compared",
    ):
        assert phrase in text


def test_the_page_is_self_contained_and_accessible() -> None:
    html = render_html(sample_report())
    page = Page(html)

    assert html.startswith("<!doctype html>\n")
    assert not {"link", "iframe", "object", "base", "form"} & set(page.tags)
    assert not {"style", "onclick"} & {name for name, _ in page.attributes}
    assert all(re.fullmatch(r"data:image/png;base64,[\w+/=]+", src) for src in page.values("src"))
    assert "url(" not in html
    assert "innerHTML" not in html
    assert ("lang", "en") in page.attributes
    assert {"title", "main", "header", "nav", "h1", "h2", "caption", "summary"} <= set(page.tags)
    assert page.tags.count("th") == page.attributes.count(("scope", "col")) + page.attributes.count(
        ("scope", "row")
    )


def test_each_link_and_label_leads_to_one_id_or_to_the_page_of_a_package() -> None:
    page = Page(render_html(sample_report()))
    ids = page.values("id")

    assert len(ids) == len(set(ids))
    hrefs = {href.removeprefix("#") for href in page.values("href")}
    assert hrefs - set(ids) == {"https://pandas.pydata.org/docs/whatsnew/"}
    assert set(page.values("aria-labelledby", "for")) <= set(ids)


def test_the_policy_allows_the_style_and_the_script_by_their_hashes_only() -> None:
    html = render_html(report_of(DRIFTED))
    (policy,) = (value for value in Page(html).values("content") if "default-src" in value)

    sources = dict(part.split(maxsplit=1) for part in policy.split("; "))
    assert sources["default-src"] == "'none'"
    assert sources["img-src"] == "data:"
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert sources[f"{tag}-src"] == f"'sha256-{digest}'"


def test_a_session_without_flows_has_a_page() -> None:
    assert "no flows" in Page(render_html(report_of())).text


def test_a_session_with_a_file_that_could_not_be_collected_is_not_empty() -> None:
    file = Uncollected(file="flows/bad.py", error="flows/bad.py, line 2: not valid\n\nfix it")
    text = words(Page(render_html(replace(report_of(), uncollected=(file,)))))
    assert "! 1 file not collected" in text
    assert "no flows" not in text
    assert "Files that could not be collected flows/bad.py flows/bad.py, line 2: not valid" in text


def test_a_flow_without_a_graph_has_no_figure() -> None:
    assert "figure" not in Page(render_html(report_of(REPRODUCED))).tags


def test_lines_of_an_error_stay_lines() -> None:
    html = render_html(report_of(replace(FAILED, error="one\n    two\nthree")))

    assert '<pre class="error">\none\n    two\nthree\n</pre>' in html


def test_templates_are_loaded_for_a_page_only() -> None:
    code = "import sys, pytest_flowrepro.report; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def without_links(report: Report) -> Report:
    (flow,) = report.flows
    changes = tuple(replace(change, link=None) for change in flow.changes)
    return replace(report, flows=(replace(flow, changes=changes),))


@pytest.mark.parametrize("text", ATTACKS)
def test_a_link_of_a_package_is_a_web_address(text: str) -> None:
    page = Page(render_html(hostile(text)))

    assert [href for href in page.values("href") if not re.fullmatch(r"#[\w-]+", href)] == []


@pytest.mark.parametrize("text", ATTACKS)
def test_a_value_is_text_and_nothing_else(text: str) -> None:
    harmless, page = (
        Page(render_html(without_links(hostile("x")))),
        Page(render_html(without_links(hostile(text)))),
    )

    assert page.tags == harmless.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in harmless.attributes]
    for (name, value), (_, expected) in zip(page.attributes, harmless.attributes, strict=True):
        if name in REFERENCES:
            assert re.fullmatch(r"#?[\w-]+", value or "")
        elif name in NAMES:
            assert visible(text) in (value or "") or value == expected
        elif name in GEOMETRY:
            assert re.fullmatch(r"(translate\(|[-\d. )a-zA-Z])+", value or "")
        else:
            assert value == expected
    assert visible(text) in page.text
