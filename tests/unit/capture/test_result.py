from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from capture_results import CARD, LOG, SCORE, result, task

from pytest_flowrepro.capture import result as capture_result
from pytest_flowrepro.capture.result import read_capture
from pytest_flowrepro.support.errors import CaptureError

if TYPE_CHECKING:
    from pathlib import Path


MALFORMED = [
    ('{"stopped": 3}', "stopped should be a string, is 3"),
    (json.dumps({"tasks": []}), "line 1: should have one of the keys parameters, task, log"),
    (
        json.dumps({"broken": {"line": 2, "reason": "x"}}),
        "line 1: broken: no encoders were",
    ),
    (result(encoders={"a.B": 1}), r'line 2: encoders\["a\.B"\] should be true or false, is 1'),
    (result() + result(), "the file should have one line of parameters, has 2"),
    (result() + "{", "line 3 is not valid JSON: "),
    (result(parameters={}), "line 1: parameters should be an array, is an object"),
    (result(tasks=[1]), "line 3: task should be an object, is 1"),
    (result(tasks=[{"step": "start"}]), r"line 3: task\.index is missing"),
    (
        result(tasks=[{**task("start"), "index": ["0"]}]),
        r"task\.index\[0\] should be a whole number",
    ),
    (result(tasks=[{**task("start"), "index": [True]}]), r"task\.index\[0\]"),
    (
        result(tasks=[task("start", artifacts=[{**SCORE, "digest": "sha256:1"}])]),
        r"line 3: task\.artifacts\[0\]\.digest should be sha256: and 64",
    ),
    (
        result(parameters=[{**SCORE, "opaque": 1}]),
        r"parameters\[0\]\.opaque should be true or false",
    ),
    (
        result(parameters=[{**SCORE, "unread": 1}]),
        r"parameters\[0\]\.unread should be true or false",
    ),
    (
        result(parameters=[{**SCORE, "stored": "x"}]),
        r"\[0\]\.stored should be true or false",
    ),
    (
        result(parameters=[{**SCORE, "sha": None}]),
        r"\[0\]\.sha should be a string, is null",
    ),
    (
        result(logs=[LOG, {**LOG, "stdout": None}]),
        r"line 4: log\.stdout should be a string",
    ),
    (result(tasks=[task("start", cards=[{**CARD, "state": "new"}])]), r"state should be rendered,"),
    (result(tasks=[task("start", cards=[{**CARD, "file": None}])]), r"file should be a string"),
    (result(tasks=[task("start", cards=[{"type": "blank"}])]), r"task\.cards\[0\]\.id is missing"),
    (result(logs=[{**LOG, "signal": 9}]), r"log\.signal should be a string, is 9"),
    (result(logs=[{**LOG, "pid": 9}]), r"log\.pid: unknown key"),
    (result(logs=[{**LOG, "attempts": "2"}]), r"log\.attempts should be a whole number"),
    (result(logs=[{**LOG, "written": [1]}]), r"log\.written\[0\] should be a string, is 1"),
    (result(logs=[{**LOG, "modules": "pandas"}]), r"log\.modules should be an array"),
]


@pytest.mark.parametrize(("content", "words"), MALFORMED)
def test_a_malformed_result_names_the_place(content: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(CaptureError, match=words) as caught:
        read_capture(file, steps=(), values=tmp_path)
    assert str(file) in caught.value.what


def test_a_result_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "result.json"
    file.write_text(result(), encoding="utf-8")
    monkeypatch.setattr(capture_result, "RESULT_LIMIT", 10)
    with pytest.raises(CaptureError, match="more than 10 bytes"):
        read_capture(file, steps=(), values=tmp_path)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"line": 5, "reason": "a second encoder for x.Y; the first is in line 4"},
            r"^encoders\.py:5: the encoders cannot be used: a second .*\nWhat to do: correct the f",
        ),
        (
            {"line": 2, "reason": "NameError: x"},
            r"encoders\.py:2: the encoders cannot .*: NameError",
        ),
        (
            {"line": None, "reason": "it has no dict"},
            r"encoders\.py: the encoders cannot be used: it",
        ),
        ({"line": "2", "reason": ""}, "line should be a whole number"),
    ],
)
def test_encoders_that_cannot_be_used_are_an_error_with_its_place(
    answer: object, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps({"broken": answer}), encoding="utf-8")
    with pytest.raises(CaptureError, match=words):
        read_capture(file, steps=(), values=tmp_path, encoders=tmp_path / "encoders.py")


def test_cards_are_read_in_the_order_of_the_tasks_without_missing_ones(tmp_path: Path) -> None:
    missing = {**CARD, "state": "missing", "file": None}
    tasks = [task("train", 1, cards=[CARD]), task("start", cards=[missing, {**CARD, "id": None}])]
    file = tmp_path / "result.json"
    file.write_text(result(tasks=tasks), encoding="utf-8")

    cards = read_capture(file, steps=("start", "train"), values=tmp_path).cards

    assert [card.title for card in cards] == ["start @card(blank)", "train[1] @card(blank, sums)"]
    assert [card.page for card in cards] == ["/cards/1.html", "/cards/1.html"]
