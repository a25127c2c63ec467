from __future__ import annotations

import contextlib
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_flowrepro.environment import find_interpreter
from pytest_flowrepro.model import Interpreter
from pytest_flowrepro.support.errors import EnvironmentBuildError

OURS = Path(sys.executable)
VERSION = platform.python_version()
MINOR = ".".join(VERSION.split(".")[:2])


@pytest.mark.parametrize("requires", [None, "", ">=3.8", f"=={VERSION}", f"=={MINOR}.*"])
def test_the_interpreter_of_pytest_is_used_where_it_fits(requires: str | None) -> None:
    assert find_interpreter(requires) == OURS


def test_the_recorded_version_is_ours() -> None:
    assert find_interpreter(recorded=Interpreter("cpython", f"{VERSION}")) == OURS


def test_another_patch_release_serves_where_the_recorded_one_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert find_interpreter(recorded=Interpreter("cpython", f"{MINOR}.99")) == OURS


@pytest.mark.parametrize(
    ("requires", "recorded", "what"),
    [
        (">=3.19", None, "Python >=3.19 was not found on this machine"),
        (">=4", None, "Python >=4 was not found on this machine"),
        (
            None,
            Interpreter("cpython", "3.19.2"),
            (
                "cpython 3.19 was not found on this machine (the baseline was recorded with "
                "cpython 3.19.2)"
            ),
        ),
    ],
)
def test_an_interpreter_that_is_not_there_is_reported(
    requires: str | None, recorded: Interpreter | None, what: str
) -> None:
    with pytest.raises(EnvironmentBuildError) as caught:
        find_interpreter(requires, recorded=recorded)

    assert caught.value.what == what
    assert "uv python install" in caught.value.hint


@pytest.fixture(scope="module")
def other() -> tuple[str, Path]:
    """Another minor version of Python that this machine has, and its interpreter."""
    for minor in ("3.12", "3.10", "3.13"):
        with contextlib.suppress(EnvironmentBuildError):
            if minor != MINOR:
                return minor, find_interpreter(requested=Interpreter("cpython", minor))
    pytest.skip("this machine has no other Python")


def test_another_minor_version_is_found_on_path(other: tuple[str, Path]) -> None:
    minor, _ = other

    found = find_interpreter(f"=={minor}.*")

    said = subprocess.run([found, "-V"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"Python {minor}.")


def test_what_is_asked_for_must_be_what_the_requirements_allow() -> None:
    assert (
        find_interpreter(
            ">=3.8", requested=Interpreter("cpython", MINOR), requested_by=".python-version"
        )
        == OURS
    )

    with pytest.raises(EnvironmentBuildError) as caught:
        find_interpreter(
            ">=3.99", requested=Interpreter("cpython", MINOR), requested_by=".python-version"
        )

    assert caught.value.what == (
        f".python-version asks for Python {MINOR} and the requirements for >=3.99, "
        f"and Python {VERSION} of this machine does not satisfy both"
    )


@pytest.mark.parametrize("versions", ["versions", "installs/python"])
def test_the_interpreters_of_a_version_manager_are_found_and_its_shims_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versions: str, other: tuple[str, Path]
) -> None:
    """A shim is the version that is active in the folder where it is started."""
    minor, real = other
    for version in ("9.9.9", f"{minor}.1", "shop-venv"):
        (tmp_path / versions / version / "bin").mkdir(parents=True)
    (tmp_path / versions / f"{minor}.1" / "bin" / f"python{minor}").symlink_to(real)
    _script(tmp_path / "shims" / f"python{minor}", f"exec {sys.executable} " + '"$@"')
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))

    assert find_interpreter(requested=Interpreter("cpython", minor)).samefile(real)

    (tmp_path / versions / f"{minor}.1" / "bin" / f"python{minor}").unlink()
    with pytest.raises(EnvironmentBuildError):
        find_interpreter(requested=Interpreter("cpython", minor))


def test_a_script_is_asked_in_this_folder_for_the_interpreter_that_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: tuple[str, Path]
) -> None:
    minor, real = other
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    body = f'if [ -e here ]; then exec {real} "$@"; else exec {sys.executable} "$@"; fi'
    _script(tmp_path / "bin" / f"python{minor}", body)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "here").touch()
    monkeypatch.chdir(tmp_path / "project")
    assert find_interpreter(requested=Interpreter("cpython", minor)) == real

    monkeypatch.chdir(tmp_path)  # the answer of before is not remembered
    with contextlib.suppress(EnvironmentBuildError):  # another one of that version may be there
        assert find_interpreter(requested=Interpreter("cpython", minor)).parent != tmp_path / "bin"


def _script(file: Path, body: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(0o755)
