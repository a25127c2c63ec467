from __future__ import annotations

import json
import math
import resource

import pytest

from pytest_flowrepro.support import strict_json
from pytest_flowrepro.support.strict_json import StrictJsonError, TooLargeJsonError, parse_json


@pytest.mark.parametrize(
    "value",
    [None, True, 2**53 + 1, -(10**4000), 0.1 + 0.2, 5e-324, 1.7976931348623157e308, "é\ud800", []],
)
def test_values_are_exact(value: object) -> None:
    assert parse_json(json.dumps(value)) == value


def test_the_sign_of_zero_is_kept() -> None:
    value = parse_json("-0.0")

    assert isinstance(value, float)
    assert math.copysign(1, value) == -1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: Expecting value (column 1)"),
        ('{\n  "a": 1,\n', "line 3: Expecting property name"),
        ('{\n "a": 1,\n "b": {"a": 1},\n "a": 2\n}', 'line 4: duplicate key "a"'),
        ('{"b": [{"x": 1},\n {"x": 1, "\\u0078": 2}]}', 'line 2: duplicate key "x"'),
        ('["NaN",\n NaN]', "line 2: NaN is not JSON"),
        ("[-Infinity]", "line 1: -Infinity is not JSON"),
        ("[1,\n\n1e999]", "line 3: 1e999 is larger than a float can be"),
        ("[\n" + "7" * 5000 + "]", "line 2: a number of 5,000 digits"),
        ("[" * 100_000, "nested too deeply to be read"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply to be read"),
        ('{"a":' * 100_000, "nested too deeply to be read"),
        ("1 2", "line 1: Extra data (column 3)"),
    ],
)
def test_text_that_does_not_say_one_thing_is_refused(text: str, message: str) -> None:
    with pytest.raises(StrictJsonError) as caught:
        parse_json(text)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("part", ["[],", '{"a":{}},', '{"":[[[[{}]]]]},', "1,", '"",'])
def test_what_would_take_gigabytes_is_refused_before_it_is_parsed(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strict_json, "MEMORY_LIMIT", 1_000_000)
    monkeypatch.setattr(strict_json, "_ALWAYS_SMALL", 8_333)
    size = strict_json._memory(part, 0, len(part))
    assert parse_json(f"[{part * (999_000 // size)}0]")
    text = f"[{part * (1_001_000 // size)}0]"
    with pytest.raises(TooLargeJsonError, match="parts would take more than"):
        parse_json(text)


def test_it_takes_no_memory_to_see_that() -> None:
    text = f"[{'[],' * 13_000_000}0]"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooLargeJsonError, match="its many parts would take more than 1 GB"):
        parse_json(text)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.slow
def test_a_long_text_is_read_whatever_it_says() -> None:
    text = "[{,\\" * 3_000_000
    assert parse_json(json.dumps([text])) == [text]
