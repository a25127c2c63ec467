"""What is said of a task's cards: `in_venv/_flowrepro/cards.py`."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from _flowrepro import cards

if TYPE_CHECKING:
    from pathlib import Path


def page(title: str) -> str:
    """Of metaflow/plugins/cards/card_modules/base.html, the part that counts."""
    log = {"type": "log", "data": "ValueError: no fruit"}
    section = {"type": "section", "title": title, "contents": [log]}
    data = {"components": [{"type": "page", "title": "Card", "contents": [section]}]}
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    return f'<script>window.__MF_DATA__["0d2b-4f"] = "{encoded}"</script>'


def card(uuid: str | None, *, type_: str = "default", id_: str | None = None) -> dict[str, Any]:
    return {"type": type_, "id": id_, "uuid": uuid}


def artifacts(asked: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    return cards.card_artifacts(cards.observed_cards(asked, str(folder)))


PAGES = [
    (page("Task Info"), "rendered"),
    ("<ul><li>apples: 120 kg</ul>", "rendered"),
    ("", "rendered"),
    ('window.__MF_DATA__["x"] = "e30="', "rendered"),
    ('window.__MF_DATA__["x"] = "MQ=="', "rendered"),
    ('window.__MF_DATA__["x"] = "abc"', "rendered"),
    ('window.__MF_DATA__["x"] = "abcd"', "rendered"),
    ("Card Render Failed With Error", "rendered"),
    (page("Card Render Failed With Error"), "failed"),
]


@pytest.mark.parametrize(("html", "expected"), PAGES)
def test_metaflows_error_card_is_a_card_that_failed(
    html: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "default-1234.html").write_text(html, encoding="utf-8")
    (found,) = artifacts([card("1234")], tmp_path)
    assert (found["name"], found["type"], found["value"]) == (
        "@card(default)",
        "metaflow.card",
        expected,
    )


@pytest.mark.parametrize("uuid", ["1234", None])
def test_a_card_without_a_file_is_missing(uuid: str | None, tmp_path: Path) -> None:
    (found,) = artifacts([card(uuid)], tmp_path / "never made")
    assert found["value"] == "missing"


def test_a_card_is_named_by_its_type_and_its_id(tmp_path: Path) -> None:
    found = artifacts([card("1", id_="sums"), card("2", type_="blank")], tmp_path)
    assert [artifact["name"] for artifact in found] == ["@card(default, sums)", "@card(blank)"]


def test_cards_that_share_a_name_are_distinguished_by_their_order(tmp_path: Path) -> None:
    (tmp_path / "default-2.html").write_text("", encoding="utf-8")
    (found,) = artifacts([card("1"), card("2")], tmp_path)
    assert found["value"] == "missing, rendered"


def test_what_an_earlier_attempt_left_is_not_a_card_of_the_task(tmp_path: Path) -> None:
    for uuid in ("1", "2"):
        (tmp_path / f"default-{uuid}.html").write_text("", encoding="utf-8")
    (found,) = artifacts([card("2")], tmp_path)
    assert found["value"] == "rendered"


def test_equal_states_have_equal_digests(tmp_path: Path) -> None:
    first, missing = (artifacts([card(uuid)], tmp_path)[0] for uuid in ("1", "2"))
    (tmp_path / "default-1.html").write_text("", encoding="utf-8")
    (rendered,) = artifacts([card("1")], tmp_path)
    assert first["digest"] == missing["digest"] != rendered["digest"]


def test_the_file_of_a_card_is_named_unless_it_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "blank-sums-1.html"
    file.write_text("sums", encoding="utf-8")

    observed = cards.observed_cards(
        [card("1", type_="blank", id_="sums"), card("2")], str(tmp_path)
    )

    assert observed == [
        {"type": "blank", "id": "sums", "state": "rendered", "file": str(file)},
        {"type": "default", "id": None, "state": "missing", "file": None},
    ]
