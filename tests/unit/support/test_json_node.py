from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.errors import CaptureError
from pytest_flowrepro.support.json_node import JsonNode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.support.strict_json import Json


def error(reason: str) -> CaptureError:
    return CaptureError(f"a.json: {reason}", hint="run again")


def root(value: Json) -> JsonNode:
    return JsonNode(value=value, error=error)


WRONG: list[tuple[Json, Callable[[JsonNode], object], str]] = [
    (3, lambda node: node.entries(), "the file should be an object, is 3"),
    ([], lambda node: node.mapping(), "the file should be an object, is an array"),
    ({}, lambda node: node.entry("a"), "a is missing"),
    ({"a b": {}}, lambda node: node.entry("a b").entry("c"), '["a b"].c is missing'),
    ({"a": 1}, lambda node: node.record("a", "b"), "b is missing"),
    ({"a": 1, "c": 2}, lambda node: node.record("a", optional=("b",)), "c: unknown key"),
    ({"a": {}}, lambda node: node.entry("a").items(), "a should be an array, is an object"),
    ([["x", None]], lambda node: node.items()[0].texts(), "[0][1] should be a string, is null"),
    ([0, True], lambda node: node.integers(), "[1] should be a whole number, is true"),
    (
        "x" * 99,
        lambda node: node.integer(),
        f'a whole number, is "{"x" * 56}...',
    ),
    (
        "noon",
        lambda node: node.time(),
        'should be a time such as 2027-03-31T12:00:00+00:00, is "noon"',
    ),
    (False, lambda node: node.number(), "the file should be a number, is false"),
    (10**400, lambda node: node.number(), f"a float can hold, is 1{'0' * 56}..."),
    (0, lambda node: node.boolean(), "the file should be true or false, is 0"),
    (1, lambda node: node.text_or_none(), "the file should be a string, is 1"),
    ("sha256:1", lambda node: node.sha256(), "sha256: and 64 hexadecimal digits"),
    ("a\u202eb", lambda node: node.boolean(), '"a\\u202eb"'),
]


@pytest.mark.parametrize(("value", "read", "reason"), WRONG)
def test_a_value_of_another_type_is_an_error_of_the_source_that_names_the_place(
    value: Json, read: Callable[[JsonNode], object], reason: str
) -> None:
    with pytest.raises(CaptureError) as caught:
        read(root(value))
    assert caught.value.what.startswith("a.json: ")
    assert reason in caught.value.what


def test_a_value_of_the_right_type_is_returned() -> None:
    node = root({"b": [1, 2], "a": {"x": None, "y": "sha256:" + "0" * 64}, "c": 2})
    fields = node.record("a", "b", optional=("c", "d"))
    assert [key for key, _ in node.entries()] == ["a", "b", "c"]
    assert list(node.mapping()) == ["b", "a", "c"]
    assert fields["b"].integers() == (1, 2)
    assert fields["c"].number() == 2.0
    assert fields["a"].entry("x").text_or_none() is None
    assert fields["a"].entry("y").sha256() == "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "a.json: is not valid JSON: "),
        (b'{"a": 1,\n"a": 2}', 'a.json: is not valid JSON: line 2: duplicate key "a"'),
        (b"\xff", "a.json: is not UTF-8"),
        (None, "a.json: cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_or_parsed_is_an_error_of_the_source(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CaptureError) as caught:
        JsonNode.read(file, error=error)
    assert caught.value.what.startswith(reason)
