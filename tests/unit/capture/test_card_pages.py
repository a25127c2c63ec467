from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_flowrepro.capture import card_pages
from pytest_flowrepro.capture.card_pages import redact_page, with_pages, without_pages
from pytest_flowrepro.model import Card
from pytest_flowrepro.support.redaction import NOTHING, Redaction

SECRET = Redaction({"TOKEN": 's3cr3t&"more"'})


@pytest.fixture
def card(tmp_path: Path) -> Card:
    file = tmp_path / "datastore" / "cards" / "blank-1.html"
    file.parent.mkdir(parents=True)
    file.write_text('<p>s3cr3t&amp;"more"</p>', encoding="utf-8")
    return Card(step="train", index=(), type="blank", id=None, state="rendered", page=str(file))


def kept(card: Card, folder: Path, redaction: Redaction = NOTHING) -> str | None:
    (with_page,) = with_pages(
        [card], datastore=folder / "datastore", copies=folder / "copies", redaction=redaction
    )
    assert replace(with_page, page=None) == replace(card, page=None)
    return with_page.page


def test_a_page_without_secrets_stays_where_it_is(card: Card, tmp_path: Path) -> None:
    assert kept(card, tmp_path) == card.page
    assert not (tmp_path / "copies").exists()


def test_secrets_are_hidden_in_a_copy(card: Card, tmp_path: Path) -> None:
    page = kept(card, tmp_path, SECRET)

    assert page == str(tmp_path / "copies" / "0.html")
    assert Path(page).read_text(encoding="utf-8") == "<p>[TOKEN]</p>"


def test_a_large_page_is_left_out(
    card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_pages, "PAGE_LIMIT", 10)
    assert kept(card, tmp_path) is None


@pytest.mark.parametrize("page", ["", "gone.html", "/etc/hostname", "..", "a\0b", None])
def test_a_page_is_a_file_of_the_datastore(page: str | None, card: Card, tmp_path: Path) -> None:
    file = page and str(tmp_path / "datastore" / page)
    assert kept(replace(card, page=file), tmp_path) is None


def test_a_link_out_of_the_datastore_is_not_followed(card: Card, tmp_path: Path) -> None:
    assert card.page is not None
    Path(card.page).unlink()
    Path(card.page).symlink_to("/etc/hostname")
    assert kept(card, tmp_path) is None


def test_without_a_report_that_shows_cards_no_page_is_kept(card: Card) -> None:
    (bare,) = without_pages([card])
    assert (bare, bare.page) == (card, None)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_secrets_are_hidden_inside_of_base64(before: str) -> None:
    data = {"components": [before, f"token {SECRET.values['TOKEN']} of the index"]}
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    html = f'<script>window.__MF_DATA__["0d2b-4f"] = "{encoded}"</script>'

    redacted = redact_page(html, SECRET)

    inside = redacted.split('"')[-2]
    expected = {"components": [before, "token [TOKEN] of the index"]}
    assert json.loads(base64.b64decode(inside)) == expected
    assert redacted == html.replace(encoded, inside)


@pytest.mark.parametrize(
    "text", ["A" * 33, "A" * 34, "A" * 35, "x" * 16 + "==", "iVBORw0KGgo/+AB=x"]
)
def test_what_has_no_secret_stays_as_it_is(text: str) -> None:
    assert redact_page(text, SECRET) == text
