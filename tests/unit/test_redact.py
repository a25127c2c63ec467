from __future__ import annotations

import pytest

from pytest_flowrepro.redact import NOTHING, Redaction


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("s3cr3t", "token=s3cr3t;", "token=[TOKEN];"),
        ('a"b\\c\n', '{"t": "a\\"b\\\\c\\n"}', '{"t": "[TOKEN]"}'),
        ('it\'s "me"', "'it\\'s \"me\"'", "'[TOKEN]'"),
        ("-----KEY-----\nabcdef\n", "line abcdef", "line [TOKEN]"),
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
