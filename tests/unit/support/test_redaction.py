from __future__ import annotations

import io

import pytest

from pytest_flowrepro.support.redaction import NOTHING, Redaction, SecretUrl


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("s3cr3t", "token=s3cr3t;", "token=[TOKEN];"),
        ('a"b\\c\n', '{"t": "a\\"b\\\\c\\n"}', '{"t": "[TOKEN]"}'),
        ('it\'s "me"', "'it\\'s \"me\"'", "'[TOKEN]'"),
        ("-----KEY-----\nabcdef\n", "line abcdef", "line [TOKEN]"),
        (
            "p@ss/word",
            "https://me:p%40ss%2Fword@host p%40ss/word",
            "https://me:[TOKEN]@host [TOKEN]",
        ),
        (
            'a&b<c"d',
            "<p>a&amp;b&lt;c\"d</p><p t='a&amp;b&lt;c&quot;d'>",
            "<p>[TOKEN]</p><p t='[TOKEN]'>",
        ),
        ("yes", "yes and no", "yes and no"),
        ("", "empty", "empty"),
    ],
)
def test_a_value_is_hidden_in_every_form_that_a_text_shows(
    value: str, text: str, shown: str
) -> None:
    assert Redaction({"TOKEN": value}).text(text) == shown


def test_the_longer_of_two_values_is_hidden_first() -> None:
    both = Redaction({"USER": "jane", "DSN": "db://jane@host"})
    assert both.text("db://jane@host by jane") == "[DSN] by [USER]"


def test_a_json_value_is_hidden_whole() -> None:
    hidden = Redaction({"TOKEN": "s3cr3t"}).json({"s3cr3t": ["x s3cr3t", 1, None, True]})
    assert hidden == {"[TOKEN]": ["x [TOKEN]", 1, None, True]}
    assert NOTHING.json({"s3cr3t": ["x"]}) == {"s3cr3t": ["x"]}


@pytest.mark.parametrize(
    ("value", "data", "found"),
    [
        ("s3cr3t", b"x" * ((1 << 20) - 3) + b"s3cr3t", True),
        ("s3cr3t", b"x" * (3 << 20), False),
        ("s\u00e9cr\u00e8t", b'"s\\u00e9cr\\u00e8t"', True),
        ('it\'s "me"', b'it\\\\\'s \\"me\\"', True),
        ("yes", b"yes", False),
    ],
)
def test_a_value_is_found_at_any_place_in_a_stream(value: str, data: bytes, found: bool) -> None:
    assert Redaction({"TOKEN": value}).occurs_in(io.BytesIO(data)) == found


def test_the_credentials_of_a_url_are_hidden_with_and_without_it() -> None:
    secret = SecretUrl("s3://bob:hunter2@host/wheels?sig=s3cr3t&v=")

    assert secret.shown == "s3://host/wheels"
    assert secret.redact(f"{secret.url}: hunter2, s3cr3t") == "s3://host/wheels: ***, ***"
    assert secret.redact("http://jane:pw@other/") == "http://other/"
