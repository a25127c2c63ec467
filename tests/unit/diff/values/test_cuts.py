"""What is said of values that a baseline shows the beginning of: nothing that is not so."""

from __future__ import annotations

import collections
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_values import artifact, edited

from pytest_flowrepro.diff import compare
from pytest_flowrepro.diff.values.tables import UNRECORDED

ROWS = [f"row {n:06d} of the notes" for n in range(1_000)]


def text(*first: str, last: str = "the end") -> str:
    return "\n".join([*first, *ROWS, last])


def ordered(*first: str) -> collections.OrderedDict[str, int]:
    return collections.OrderedDict.fromkeys([*first, *ROWS], 0)


CUT: list[tuple[Any, Any, list[str]]] = [
    (
        text("alpha"),
        text("be"),
        [
            "length: 24013 -> 24010",
            "differs in its first lines:",
            "  @@ -1,2 +1,2 @@",
            "  -alpha",
            "  +be",
            "   row 000000 of the notes",
        ],
    ),
    (
        text(),
        text("one", "two"),
        [
            "length: 24007 -> 24015",
            "differs in its first lines:",
            "  @@ -1 +1,3 @@",
            "  +one",
            "  +two",
            "   row 000000 of the notes",
        ],
    ),
    (
        text(last="the end"),
        text(last="The end"),
        [
            "differs in its last lines:",
            "   row 000999 of the notes",
            "  -the end",
            "  +The end",
        ],
    ),
    (
        "\n".join([*ROWS[:500], "one more", *ROWS[500:]]),
        "\n".join([*ROWS[:500], *ROWS[500:]]),
        ["length: 24008 -> 23999"],
    ),
    ("a" * 9_000, "b" + "a" * 8_999, [f"from character 0 on: '{'a' * 20}' -> 'b{'a' * 19}'"]),
    ("a" * 9_000, "a" * 9_001, ["length: 9000 -> 9001"]),
    (b"a" * 9_000, b"a" * 8_999 + b"b", [f"near its end: '{'a' * 21}' -> '{'a' * 20}b'"]),
    (
        dict.fromkeys(ROWS, 0),
        dict.fromkeys(["row 0000000", *ROWS], 0),
        ["length: 1000 -> 1001", "['row 0000000']: added 0"],
    ),
    (
        dict.fromkeys(ROWS, 0),
        dict.fromkeys([ROWS[0], *ROWS[2:]], 0),
        ["length: 1000 -> 999", "['row 000001 of the notes']: removed 0"],
    ),
    (
        dict.fromkeys(range(900), "row"),
        {n: "row" for n in range(900) if n != 3} | {1: "other"},
        ["length: 900 -> 899", "[1]: 'row' -> 'other'", "[3]: removed 'row'"],
    ),
    (set(ROWS), {*ROWS[1:], "a"}, ["added 'a'", "removed 'row 000000 of the notes'"]),
    (ordered(), ordered("z"), ["length: 1000 -> 1001"]),
    (ordered("y"), ordered("z"), [UNRECORDED]),
    (list(ROWS), ["x" * 5_000, *ROWS], ["length: 1000 -> 1001"]),
]


@pytest.mark.parametrize(("old", "new", "lines"), CUT)
def test_only_what_both_beginnings_show_is_reported(
    old: object, new: object, lines: list[str]
) -> None:
    found = compare(artifact(old), artifact(new))
    assert sorted(found.lines) == sorted(lines)
    assert found.differing
    assert not found.complete


def test_fields_that_only_one_side_has_room_for_are_not_reported() -> None:
    def model(fields: dict[str, Any], digest: str) -> Any:
        cut: Any = {"type": "m.Model", "length": 900, "digest": digest, "first": fields}
        return edited({"$cut": cut}, type="m.Model", digest=digest)

    found = compare(model({"a": 1, "b": 2}, "0"), model({"b": 3, "c": 4}, "1"))
    assert found.lines == (".b: 2 -> 3",)


@settings(max_examples=60)
@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_a_key_that_is_said_to_be_gone_is_gone(some: set[int], others: set[int]) -> None:
    rows = range(1_000, 1_900)
    old, new = (dict.fromkeys((*keys, *rows), "row") for keys in (some, others))
    if some == others:
        return
    for line in compare(artifact(old), artifact(new)).lines:
        key = line[1 : line.index("]")] if line.startswith("[") else ""
        if "removed" in line:
            assert int(key) in old.keys() - new.keys()
        if "added" in line:
            assert int(key) in new.keys() - old.keys()
