from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker, default_environment

from pytest_flowrepro.environment import markers_of
from pytest_flowrepro.environment.interpreter import create_virtualenv
from pytest_flowrepro.environment.manifest import interpreter_of, marker_environment
from pytest_flowrepro.model import Interpreter
from pytest_flowrepro.support.errors import EnvironmentBuildError


def test_the_markers_of_our_own_interpreter_are_those_of_packaging() -> None:
    interpreter = Interpreter(sys.implementation.name, platform.python_version())
    assert markers_of(interpreter, Path(sys.executable)) == dict(default_environment())


def test_the_markers_of_another_cpython_are_known_without_asking_it() -> None:
    markers = markers_of(Interpreter("cpython", "3.9.18"), Path("/nowhere/python"))
    assert markers["python_version"] == "3.9"
    assert markers["implementation_version"] == "3.9.18"
    assert Marker("platform_python_implementation == 'CPython'").evaluate(markers)


PYPY = """\
#!/bin/sh
echo '{"implementation_version": "7.3.11", "platform_python_implementation": "PyPy"}'
"""


def test_another_implementation_is_asked_for_what_no_version_tells(tmp_path: Path) -> None:
    python = tmp_path / "pypy"
    python.write_text(PYPY)
    python.chmod(0o755)

    markers = markers_of(Interpreter("pypy", "3.9.16"), python)

    assert markers["implementation_name"] == "pypy"
    assert markers["implementation_version"] == "7.3.11"
    assert markers["python_full_version"] == "3.9.16"
    assert Marker("platform_python_implementation == 'PyPy'").evaluate(markers)


def test_an_interpreter_that_does_not_answer_is_named(tmp_path: Path) -> None:
    python = tmp_path / "pypy"
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)

    with pytest.raises(
        EnvironmentBuildError, match=r"pypy does not report its version: exit code 3"
    ):
        markers_of(Interpreter("pypy", "3.9.16"), python)
    with pytest.raises(
        EnvironmentBuildError, match=r"gone does not report its version: No such file"
    ):
        markers_of(Interpreter("pypy", "3.9.16"), tmp_path / "gone")


_PYPY = shutil.which("pypy3")


@pytest.mark.skipif(_PYPY is None, reason="PyPy is not installed on this machine")
def test_the_markers_of_an_environment_of_pypy_are_pypys(tmp_path: Path) -> None:
    create_virtualenv(tmp_path / "env", python=Path(str(_PYPY)))

    markers = marker_environment(tmp_path / "env")

    assert interpreter_of(tmp_path / "env") == Interpreter("pypy", markers["python_full_version"])
    assert markers["platform_python_implementation"] == "PyPy"
    assert markers["implementation_version"] != markers["python_full_version"]
