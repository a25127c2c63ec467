from __future__ import annotations

import base64
import json
import random
import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest
from flow_reports import ATTACKS, DRIFTED, REPRODUCED, report_of

from pytest_flowrepro.model import Card, FlowReport
from pytest_flowrepro.report import render_html
from pytest_flowrepro.report.html.cards import csp_hash, framed, view_cards

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.report.html.cards import PageCards

BUNDLE = f"<script>{'run();' * 1000}</script>"
NONCE = "n0"


def card(page: Path | None, text: str | None = None, **more: object) -> Card:
    """Return a card whose page is in this file, with this text."""
    if page is not None and text is not None:
        page.write_bytes(text.encode(errors="replace"))
    usual = Card(
        step="train",
        index=(3,),
        type="blank",
        id=None,
        state="rendered",
        page=None if page is None else str(page),
    )
    return replace(usual, **more)  # type: ignore[arg-type]


def flow_with(*cards: Card, name: str = "TrainFlow") -> FlowReport:
    return replace(REPRODUCED, flow=name, cards=cards)


def pages(view: PageCards) -> list[str]:
    """Return the documents of the frames, as the page's script makes them of the pieces."""
    texts = [zlib.decompress(base64.b64decode(piece)).decode() for piece in view.pieces]
    shown = (one for flow in view.flows.values() for one in flow.shown)
    return ["".join(texts[number] for number in one.parts) for one in shown]


def only(view: PageCards) -> list[str]:
    """Return the titles of the cards of the only flow."""
    (flow,) = view.flows.values()
    return [one.title for one in flow.shown]


def document(html: str) -> str:
    """Return the document of a card, without the policies before it."""
    return "".join(list(framed(html, NONCE))[2:])


def test_what_cards_have_in_common_is_in_the_page_once(tmp_path: Path) -> None:
    cards = [card(tmp_path / f"{n}.html", f"<p>{n}</p>{BUNDLE}<p>end</p>") for n in range(3)]

    view = view_cards([flow_with(*cards)], nonce=NONCE)

    assert all(
        "run();run();" in page and f"<p>{n}</p>" in page for n, page in enumerate(pages(view))
    )
    assert len(view.pieces) == 3 + 4, "the texts before the script; its policies, itself, the end"


def test_a_picture_that_cards_have_in_common_is_in_the_page_once(tmp_path: Path) -> None:
    icon = f'"data:image/png;base64,{"A" * 300}"'
    cards = [card(tmp_path / f"{n}.html", f"<link href={icon}><p>{n}") for n in range(2)]

    view = view_cards([flow_with(*cards)], nonce=NONCE)

    assert all(icon in page for page in pages(view))
    assert len(view.pieces) == 6


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>plain</p>", "<p>plain</p>"),
        ("", ""),
        ("<style>p {}</style>x", "<style nonce=n0 >p {}</style>x"),
        (
            '<STYLE media="a>b">p {}</STYLE>',
            '<STYLE nonce=n0  media="a>b">p {}</STYLE>',
        ),
        (
            '<script type="application/json">{"a": "<style>"}</script>',
            '<script nonce=n0  type="application/json">{"a": "<style>"}</script>',
        ),
        ("<!-- <script> --><p>", "<!-- <script> --><p>"),
        ("<!-- <script>", "<!-- <script>"),
        ("<!--><style>", "<!--><style nonce=n0 >"),
        ("<style>never closed", "<style nonce=n0 >never closed"),
        ("<script never closed", "<script never closed"),
        ("<scripted><styles>", "<scripted><styles>"),
        ("an é and 😀", "an é and 😀"),
    ],
)
def test_a_card_is_shown_as_it_is(html: str, shown: str) -> None:
    assert document(html) == shown


WITHOUT_WEBRTC = "delete self.RTCPeerConnection;delete self.webkitRTCPeerConnection;"


@pytest.mark.parametrize(
    "attributes", ["", ' type="module"', " type=text/javascript id=a", ' TYPE="Module" data-a=">"']
)
def test_a_script_runs_by_its_hash_and_without_webrtc(attributes: str) -> None:
    _, policy, *pieces = framed(f"<p><script{attributes}>go('</p>')</script>", NONCE)

    script = f"{WITHOUT_WEBRTC}go('</p>')"
    assert "".join(pieces) == f"<p><script nonce=n0 {attributes}>{script}</script>"
    assert f"script-src 'unsafe-eval' {csp_hash(script)}\"" in policy


@pytest.mark.parametrize("type_", ["importmap", "speculationrules", "text/template", "text/plain"])
def test_data_in_a_script_is_left_as_it_is(type_: str) -> None:
    html = f'<script type="{type_}">{{"a": 1}}</script>'
    _, policy, *pieces = framed(html, NONCE)

    assert "".join(pieces) == html.replace("<script", "<script nonce=n0 ")
    assert "sha256" not in policy


def test_a_frame_loads_nothing() -> None:
    first, *_ = framed("", NONCE)

    assert first.startswith("<!doctype html><meta ")
    (policy,) = re.findall('content="(.*?)"', first)
    sources = dict(part.split(maxsplit=1) for part in policy.split("; "))
    assert sources.pop("default-src") == "'none'"
    assert set(" ".join(sources.values()).split()) == {
        "'none'",
        "'unsafe-inline'",
        "'unsafe-eval'",
        "data:",
    }


def noise(number: int) -> str:
    """Return a text that cannot be compressed much."""
    return base64.b64encode(random.Random(number).randbytes(3_000)).decode()


def test_the_page_has_room_for_so_many_cards_those_of_the_first_flows(tmp_path: Path) -> None:
    flows = [
        flow_with(
            *(card(tmp_path / f"{name}{n}.html", noise(n), index=(n,)) for n in numbers), name=name
        )
        for name, numbers in (("BadFlow", range(2)), ("GoodFlow", range(2, 7)))
    ]

    view = view_cards(flows, nonce=NONCE, budget=15_000)

    bad, good = view.flows.values()
    assert (len(bad.shown), bad.left_out, bad.number) == (2, (), 2)
    assert (len(good.shown), good.number) == (1, 5)
    assert good.left_out[0] == (
        "4 cards left out, because the page has room for 2.5 MB of cards: train[3] @card(blank), "
        "train[4] @card(blank), train[5] @card(blank) and 1 more. To see them, make a report of "
        "this flow alone: pytest --flow-repro --flow-repro-html=report.html flows/hello.py"
    )
    assert sum(map(len, view.pieces)) <= 15_000


def test_an_equal_card_needs_no_room(tmp_path: Path) -> None:
    page = tmp_path / "1.html"
    view = view_cards([flow_with(card(page, noise(1)), card(page))], nonce=NONCE, budget=6_000)

    assert only(view) == ["train[3] @card(blank)", "train[3] @card(blank) 2"]


def test_a_card_without_a_page_is_left_out(tmp_path: Path) -> None:
    gone = card(tmp_path / "gone.html", id="a")
    view = view_cards([flow_with(card(None), gone)], nonce=NONCE)

    (flow,) = view.flows.values()
    assert flow.shown == ()
    assert flow.left_out[0] == (
        "2 cards left out, larger than 4 MB, gone, or of a merged report: train[3] @card(blank), "
        "train[3] @card(blank, a)"
    )
    assert view.pieces == ()


def test_a_card_that_failed_says_so() -> None:
    failed = card(None, id="sums", state="failed")
    assert failed.title == "train[3] @card(blank, sums) (failed)"


def policy_of(html: str) -> dict[str, str]:
    (policy,) = re.findall('Content-Security-Policy" content="(.*?)"', html)
    return dict(part.split(maxsplit=1) for part in policy.replace("&#39;", "'").split("; "))


def test_only_a_page_with_cards_allows_what_they_need(tmp_path: Path) -> None:
    without = policy_of(render_html(report_of(DRIFTED, flow_with(card(None)))))
    html = render_html(report_of(DRIFTED, flow_with(card(tmp_path / "1.html", BUNDLE))))
    policy = policy_of(html)

    usual = {"default-src", "style-src", "script-src", "img-src", "base-uri", "form-action"}
    assert without.keys() == usual
    assert without["img-src"] == "data:"
    assert not re.search("nonce|unsafe", str(without))
    (nonce,) = re.findall(r"'nonce-(\w{32})'", policy["script-src"])
    assert policy["style-src"].endswith(f" 'nonce-{nonce}'")
    assert policy["style-src-attr"] == "'unsafe-inline'"
    assert "'unsafe-inline'" not in policy["script-src"] + policy["style-src"]
    scripts = re.findall("<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 2
    assert all(csp_hash(script) in policy["script-src"] for script in scripts)
    assert nonce not in html.replace(html.partition("<title>")[0], ""), "where a value could be"


@pytest.mark.parametrize("text", ATTACKS)
def test_a_card_is_no_markup_of_the_page(text: str, tmp_path: Path) -> None:
    states: tuple[Literal["rendered", "failed"], ...] = ("rendered", "failed")
    cards = [card(tmp_path / "1.html", text, type=text, id=text, state=one) for one in states]
    harmless = [card(tmp_path / "2.html", "x", type="x", id="x", state=one) for one in states]

    tags = [
        re.findall(r"<(?:/?\w+|!)", render_html(report_of(flow_with(*both))))
        for both in (cards, harmless)
    ]

    assert tags[0] == tags[1]


def test_the_pieces_are_in_the_page(tmp_path: Path) -> None:
    html = render_html(report_of(flow_with(card(tmp_path / "1.html", "<p>a card"))))

    (pieces,) = re.findall('id="card-pieces">(.*?)</script>', html)
    packed = json.loads(pieces)
    assert zlib.decompress(base64.b64decode(packed[-1])) == b"<p>a card"
    assert 'data-parts="0 1 2"' in html
