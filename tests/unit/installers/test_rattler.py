from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.installers import rattler
from pytest_flowrepro.installers.rattler import Failure, ask_rattler, has_rattler

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of the one that calls rattler."""
    file = tmp_path / "script.py"
    monkeypatch.setattr(rattler, "_SCRIPT", file)
    return file


ECHO = "import json, sys; print(json.dumps({'got': json.load(open(sys.argv[1]))}))"


def test_rattler_may_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rattler", None)
    assert not has_rattler()


def test_the_answer_is_an_object(script: Path, tmp_path: Path) -> None:
    script.write_text(ECHO, "utf-8")
    found = ask_rattler({"command": "solve"}, workspace=tmp_path, timeout=30)
    assert found == {"got": {"command": "solve"}}


def test_the_request_which_may_have_credentials_is_not_left_behind(
    script: Path, tmp_path: Path
) -> None:
    script.write_text(ECHO, "utf-8")
    before = set(tmp_path.rglob("*"))
    ask_rattler({"channels": ["https://ann:hunter2@host"]}, workspace=tmp_path, timeout=30)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (
            'print(\'{"error": "SolverError", "message": "no", "archive": null}\')',
            ("SolverError", "no"),
        ),
        ("import os; os.abort()", ("Crash", "signal SIGABRT")),
        ("raise SystemExit('at https://ann:hunter2@h/t/tk-1/x')", ("Crash", "at https://h/x")),
        ("print('[]')", ("Crash", "exit code 0")),
        pytest.param(
            "import time; time.sleep(60)", ("Timeout", "stopped after 2 s"), marks=pytest.mark.slow
        ),
    ],
)
def test_whatever_else_is_a_failure(
    script: Path, tmp_path: Path, code: str, failure: tuple[str, str]
) -> None:
    script.write_text(code, "utf-8")
    found = ask_rattler({}, workspace=tmp_path, timeout=2)
    assert isinstance(found, Failure)
    assert (found.kind, found.message.splitlines()[0]) == failure


def test_a_long_message_is_cut(script: Path, tmp_path: Path) -> None:
    script.write_text("import sys; sys.stderr.write('x\\n' * 1000); sys.exit(1)", "utf-8")
    found = ask_rattler({}, workspace=tmp_path, timeout=30)
    assert isinstance(found, Failure)
    assert len(found.message.splitlines()) < 30
