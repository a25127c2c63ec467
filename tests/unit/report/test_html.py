from __future__ import annotations

from html.parser import HTMLParser

import pytest
from flow_reports import ATTACKS, DRIFTED, FAILED, REPRODUCED, hostile, report_of

from pytest_flowrepro.report import render_html
from pytest_flowrepro.support.text import visible

VOID = {"meta"}


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

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_every_flow_the_worst_first() -> None:
    page = Page(render_html(report_of(REPRODUCED, DRIFTED, FAILED)))

    assert "1 error, 1 drifted, 1 reproduced" in page.text
    places = [page.text.index(name) for name in ("BadFlow", "TrainFlow@small", "HelloFlow")]
    assert places == sorted(places)
    for words in ("train[0, 3].score", "0.91 -> 0.93", "@kubernetes ran locally", "is empty"):
        assert words in page.text


def test_the_page_is_self_contained_and_accessible() -> None:
    html = render_html(report_of(REPRODUCED, DRIFTED))
    page = Page(html)

    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not {"src", "href"} & {name for name, _ in page.attributes}
    assert "url(" not in html
    assert "default-src 'none'" in html
    assert ("lang", "en") in page.attributes
    assert {"title", "main", "h1", "h2", "caption", "summary"} <= set(page.tags)
    assert page.tags.count("th") == page.attributes.count(("scope", "col")) + page.attributes.count(
        ("scope", "row")
    )


def test_a_session_without_flows_has_a_page() -> None:
    assert "no flows" in Page(render_html(report_of())).text


@pytest.mark.parametrize("text", ATTACKS)
def test_a_value_is_text_and_nothing_else(text: str) -> None:
    harmless, page = (
        Page(render_html(hostile("x"))),
        Page(render_html(hostile(text))),
    )

    assert page.tags == harmless.tags
    assert page.attributes == harmless.attributes
    assert visible(text) in page.text
