from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_flowrepro.environment import find_interpreter
from pytest_flowrepro.errors import EnvironmentBuildError

OURS = Path(sys.executable)
VERSION = platform.python_version()
MINOR = ".".join(VERSION.split(".")[:2])


@pytest.mark.parametrize("requires", [None, "", ">=3.8", f"=={VERSION}", f"=={MINOR}.*"])
def test_the_interpreter_of_pytest_is_used_where_it_fits(requires: str | None) -> None:
    assert find_interpreter(requires) == OURS


def test_the_recorded_version_is_ours() -> None:
    assert find_interpreter(recorded=f"cpython {VERSION}") == OURS


def test_another_patch_release_serves_where_the_recorded_one_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert find_interpreter(recorded=f"cpython {MINOR}.99") == OURS


@pytest.mark.parametrize(
    ("requires", "recorded", "what"),
    [
        (">=3.19", None, "There is no Python >=3.19 on this machine."),
        (">=4", None, "There is no Python >=4 on this machine."),
        (
            None,
            "cpython 3.19.2",
            (
                "There is no cpython 3.19 on this machine, and the baseline was recorded with "
                "cpython 3.19.2."
            ),
        ),
    ],
)
def test_an_interpreter_that_is_not_there_is_told(
    requires: str | None, recorded: str | None, what: str
) -> None:
    with pytest.raises(EnvironmentBuildError) as caught:
        find_interpreter(requires, recorded=recorded)

    assert caught.value.what == what
    assert "uv python install" in caught.value.hint


def test_another_minor_version_is_found_on_path() -> None:
    minor = next((m for m in ("3.10", "3.12", "3.13") if m != MINOR and _runs(m)), None)
    if minor is None:
        pytest.skip("no other Python on PATH")

    found = find_interpreter(f"=={minor}.*")

    said = subprocess.run([found, "-V"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"Python {minor}.")


def _runs(minor: str) -> bool:
    program = shutil.which(f"python{minor}")
    return (
        bool(program)
        and not subprocess.run([str(program), "-V"], capture_output=True, check=False).returncode
    )
