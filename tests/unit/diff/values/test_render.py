from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.diff import one_line
from pytest_flowrepro.diff.values.render import LINE
from pytest_flowrepro.model import Artifact

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json

LINES: list[tuple[Json, str]] = [
    (None, "None"),
    (True, "True"),
    (3, "3"),
    (0.91, "0.91"),
    (1.0, "1.0"),
    ("text", "'text'"),
    ([1, "a"], "[1, 'a']"),
    ({"a": [1, None]}, "{'a': [1, None]}"),
    ({"$tuple": [1]}, "(1,)"),
    ({"$set": [1, 2]}, "{1, 2}"),
    ({"$float": "nan"}, "nan"),
    ({"$int": "9" * 30}, "9" * 30),
    ({"$bytes": "a\\x00"}, "b'a\\x00'"),
    ({"$str": "a\\ud800"}, "'a\\\\ud800'"),
    ({"$date": "2024-02-03"}, "date 2024-02-03"),
    ({"$dict": [[1, "a"]]}, "{1: 'a'}"),
    ({"$enum": {"type": "m.C", "fields": {"name": "RED", "value": 1}}}, "m.C(name='RED', value=1)"),
    ({"$numpy": {"dtype": "float32", "value": 0.5}}, "float32 0.5"),
    ({"$array": {"dtype": "float64", "shape": [3, 4]}}, "array float64 (3 x 4)"),
    ({"$frame": {"shape": [100_000, 4]}}, "DataFrame 100,000 x 4"),
    ({"$series": {"length": 5, "dtype": "int64"}}, "Series of 5 int64"),
    ({"$index": {"dtype": "int64"}}, "Index int64"),
    ({"$index": {"levels": []}}, "MultiIndex"),
    ({"$cut": {"type": "list", "length": 3_000}}, "list of 3,000"),
    ({"$numbers": {"type": "tuple", "of": "int", "length": 3_000}}, "tuple of 3,000"),
    ({"$cut": {"type": "int", "bits": 20_000}}, "int of 20,000 bits"),
    ([{"$opaque": "why", "type": "m.X", "digest": "0123456789"}], "[opaque m.X 01234567]"),
    (list(range(1_000)), "list of 1,000"),
    ({str(n): n for n in range(1_000)}, "dict of 1,000"),
    ({"$object": {"type": "m.Model", "fields": {"a": "x" * 99, "b": 1}}}, "m.Model with 2 values"),
]


def artifact(value: Json, **fields: bool) -> Artifact:
    return Artifact(
        name="a",
        type="m.X",
        digest="sha256:0123456789",
        value=value,
        opaque=fields.get("opaque", False),
    )


@pytest.mark.parametrize(("value", "line"), LINES)
def test_a_value_in_one_line(value: Json, line: str) -> None:
    assert one_line(artifact(value)) == line


def test_an_opaque_value_is_reported_by_its_type_and_digest() -> None:
    assert one_line(artifact({"$opaque": "why"}, opaque=True)) == "opaque m.X 01234567"


@pytest.mark.parametrize(
    "value", ["x" * 500, ["\x1b[31m" * 30], {"\n": "\x1b"}, {"$date": "\x1b[31m\n"}, "\u202eabc"]
)
def test_it_is_one_short_line_without_control_characters(value: Json) -> None:
    line = one_line(artifact(value))
    assert len(line) <= LINE
    assert line.isprintable()


@pytest.mark.parametrize("value", [{"$array": 3}, {"$dict": [[1]]}, {"$numpy": {}}, {"$cut": {}}])
def test_a_value_edited_by_hand_is_reported_by_its_type(value: Json) -> None:
    assert one_line(artifact(value)) == "m.X"
