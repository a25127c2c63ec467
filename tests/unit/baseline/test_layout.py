from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.baseline.layout import to_text, value_layout

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json


def text_of(value: Json) -> str:
    return to_text(value_layout(value, what="x"))


TEXT = "x" * 78
FRAME: Json = {
    "$frame": {
        "shape": [2, 2],
        "columns": [
            {"name": "town", "dtype": "str", "digest": "0" * 16, "values": ["Bern", "Genf"] * 9},
            {"name": "n", "dtype": "int64", "digest": "1" * 16, "values": list(range(40))},
        ],
    }
}


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (0.91, ["0.91"]),
        ("x" * 500, [f'"{"x" * 500}"']),
        ([1, 2.5, None], ["[1, 2.5, null]"]),
        ({"a": 1, "b": [2]}, ['{"a": 1, "b": [2]}']),
        (
            {"a": "x" * 50, "b": "y" * 50},
            ["{", f'  "a": "{"x" * 50}",', f'  "b": "{"y" * 50}"', "}"],
        ),
        (["x" * 50, "y" * 50], ["[", f'  "{"x" * 50}",', f'  "{"y" * 50}"', "]"]),
        (
            [1_000_000_000_000 + i for i in range(7)],
            [
                "[",
                "  1000000000000, 1000000000001, 1000000000002, 1000000000003, 1000000000004,",
                "  1000000000005, 1000000000006",
                "]",
            ],
        ),
    ],
    ids=["number", "text", "short list", "short dict", "dict", "list", "numbers"],
)
def test_a_long_value_has_a_line_for_each_part(value: Json, lines: list[str]) -> None:
    assert text_of(value).split("\n") == lines


def test_a_frame_has_a_line_for_each_column() -> None:
    lines = text_of(FRAME).split("\n")

    assert [line.strip().split(",")[0] for line in lines] == [
        "{",
        '"$frame": {',
        '"shape": [2',
        '"columns": [',
        '{"name": "town"',
        '{"name": "n"',
        "]",
        "}",
        "}",
    ]


@pytest.mark.parametrize("value", [FRAME, [[["x" * 90] * 2] * 2] * 2, [], {}, [[]] * 50])
def test_the_layout_does_not_change_a_value(value: Json) -> None:
    assert json.loads(text_of(value)) == value


def test_a_changed_number_changes_its_own_line_only() -> None:
    numbers: list[Json] = [i / 7 for i in range(100)]
    old, new = text_of(numbers), text_of([*numbers[:41], 6, *numbers[42:]])

    assert sum(a != b for a, b in zip(old.split("\n"), new.split("\n"), strict=True)) == 1
