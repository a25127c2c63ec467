from __future__ import annotations

import json

import pytest

from pytest_flowrepro.support.text import counted, is_web_address, truncate_list, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, and größer 模型 🎬", "plain, and größer 模型 🎬"),
        ("\x1b[31mred\x1b[0m", "\\u001b[31mred\\u001b[0m"),
        ("two\nlines\r\tand a tab", "two\\nlines\\r\\tand a tab"),
        ("\x7f\x9b2J", "\\u007f\\u009b2J"),
        ("txt.\u202eexe", "txt.\\u202eexe"),
        ("\ufeffmark", "\\ufeffmark"),
        ("lone \ud800", "lone \\ud800"),
        ("tag \U000e0041", "tag \\udb40\\udc41"),
        ("क्\u200dष", "क्\u200dष"),
    ],
)
def test_characters_that_act_or_cannot_be_seen_are_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown
    shown.encode()


def test_json_means_the_same_afterwards() -> None:
    value = {"a\u2028": "\ud800 \x9b \U000e0041 \n"}

    assert json.loads(visible(json.dumps(value, ensure_ascii=False))) == value


def test_a_number_and_what_it_counts() -> None:
    said = [counted(number, "package") for number in (0, 1, 2000)]
    assert said == ["0 packages", "1 package", "2,000 packages"]


def test_a_long_list_is_cut_and_says_so() -> None:
    assert truncate_list([]) == ""
    assert truncate_list(["a", "b"], 2) == "a, b"
    assert truncate_list(["a", "b", "c", "d"], 2) == "a, b and 2 more"


@pytest.mark.parametrize(
    "text",
    [
        "https://numpy.org",
        "http://localhost:8000/a",
        "https://x.example/a_b/~c/d%20e?f=g&h=1#i-2.0",
    ],
)
def test_a_plain_url_is_a_web_address(text: str) -> None:
    assert is_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "numpy.org",
        "javascript:alert(1)",
        "ftp://x.example/",
        "https://",
        "https://user@evil.example/",
        "https://x.example/a b",
        "https://x.example/a)b",
        "https://x.example/a|b",
        "https://x.example/<b>",
        'https://x.example/"onload=',
        "https://x.example/&#41;",
        "https://x.example/`",
        "https://x.example/\n",
        "https://x.example/ü",
        "https://x.example/" + "a" * 500,
    ],
)
def test_a_url_that_could_do_harm_in_a_report_is_no_web_address(text: str) -> None:
    assert not is_web_address(text)
