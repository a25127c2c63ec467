"""A drift of real Metaflow, accepted or rejected without a rerun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from pytest_flowrepro.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from conftest import Project

QUESTIONS = (b"?]? ", b"Reason: ", b"Reason (")
NEXT = "review these changes without a rerun: `flowrepro review`"


def review_on_a_terminal(folder: Path, *answers: str) -> tuple[int, str]:
    """Return the exit code of `flowrepro review`, and the text of its terminal."""
    ours, theirs = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest_flowrepro", "review"],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "NO_COLOR": "1"},
    )
    os.close(theirs)
    shown, answered, waiting = b"", 0, [*answers]
    while data := _read(ours):
        shown += data
        if waiting and any(question in shown[answered:] for question in QUESTIONS):
            answered = len(shown)
            os.write(ours, waiting.pop(0).encode() + b"\n")
    os.close(ours)
    assert waiting == [], shown.decode()
    return child.wait(30), shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how a terminal of Linux ends
        return b""


def drifted(hello: Project) -> Project:
    """Let three artifacts of HelloFlow drift, and check it."""
    hello.edit("flow.py", '"hello "', '"hollow "')
    result = hello.check()
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.fnmatch_lines([NEXT])
    return hello


def test_a_drift_is_reviewed_on_a_terminal_and_then_reproduces(hello: Project) -> None:
    drifted(hello)
    code, text = review_on_a_terminal(hello.path, "a", "a hollow world", "r", "", "q")
    assert "(2/4) start.greeting  changed: 'hello world' -> 'hollow world'" in text
    assert "rejected  start.greeting" in text
    assert code == 1
    result = hello.check()
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.fnmatch_lines(["*start.greeting: rejected on * by *: a hollow world"])
    code, text = review_on_a_terminal(hello.path, "A", "as it should be")
    assert "rejected on" in text
    assert code == 0
    hello.check().assert_outcomes(passed=5)
    assert hello.artifacts("HelloFlow")["end"]["[]"]["total"]["value"] == 6
    history = (hello.baseline("HelloFlow") / "accepted.jsonl").read_text().splitlines()
    assert [(json.loads(line)["what"], json.loads(line)["reason"]) for line in history] == [
        ("flow.py", "a hollow world"),
        ("start.greeting", "as it should be"),
        ("count.letters", "as it should be"),
        ("end.total", "as it should be"),
    ]


def test_a_part_of_a_drift_is_accepted_and_a_recording_agrees(
    hello: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    drifted(hello)
    monkeypatch.chdir(hello.path)
    assert main(["review", "--accept", "start", "--accept", "count.*", "--reason", "hollow"]) == 1
    assert hello.drift() == ["HelloFlow: artifact end.total changed"]
    assert main(["accept", "--last", "--reason", "hollow"]) == 0
    accepted = hello.baseline_bytes()
    hello.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 2\n")
    hello.record().stdout.fnmatch_lines(["recorded    flow.py::HelloFlow  unchanged*"])
    assert hello.baseline_bytes() == accepted


def test_xdist_keeps_a_check_and_a_flow_that_was_not_checked_keeps_its_own(
    hello: Project,
) -> None:
    hello.edit("flow.py", '"hello "', '"hollow "')
    hello.check_apart("-n", "2").stdout.fnmatch_lines([NEXT])
    kept = hello.path / ".flowrepro/last/__flowrepro__/flow/HelloFlow/check.json"
    assert kept.is_file()
    hello.check("-k", "environment").stdout.no_fnmatch_line(NEXT)
    assert kept.is_file()
    hello.edit("flow.py", '"hollow "', '"hello "')
    hello.check("-k", "step[end]").assert_outcomes(passed=1, deselected=4)
    assert not kept.exists()


def test_a_check_without_a_rerun_says_what_to_run_before_a_review(
    hello: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hello.write("pyproject.toml", '[tool.pytest]\n[tool.flowrepro]\nignore = ["letters"]\n')
    result = hello.check("-k", "environment")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(
        ["nothing was rerun; to review these changes, run `pytest --flow-repro flow.py` first"]
    )
    monkeypatch.chdir(hello.path)
    assert main(["accept", "--last", "--reason", "hollow"]) == 0
    assert "`-k environment` reruns nothing" in capsys.readouterr().err

    hello.check("flow.py").stdout.fnmatch_lines([NEXT])
