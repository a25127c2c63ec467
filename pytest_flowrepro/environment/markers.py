"""The values of PEP 508 markers under an interpreter other than the one that runs pytest."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.markers import default_environment

from pytest_flowrepro.support.errors import EnvironmentBuildError
from pytest_flowrepro.support.process import CommandNotFoundError, run_process

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Interpreter

_TIMEOUT = 60.0

# As in packaging.markers.default_environment, for the two that do not follow from a version.
_ASK = """
import json, platform, sys
about = sys.implementation.version
release = "" if about.releaselevel == "final" else about.releaselevel[0] + str(about.serial)
print(json.dumps({
    "implementation_version": "{0.major}.{0.minor}.{0.micro}".format(about) + release,
    "platform_python_implementation": platform.python_implementation(),
}))
"""


def markers_of(interpreter: Interpreter, python: Path | None) -> dict[str, str]:
    """Return the markers of an interpreter on this machine.

    `python` is its executable. An implementation other than CPython has its own version besides
    Python's, which only the interpreter itself reports; without `python`, both are taken to be
    equal. Raises `EnvironmentBuildError` if it does not answer.
    """
    markers = {
        **{name: str(value) for name, value in default_environment().items()},
        **interpreter.markers(),
    }
    if interpreter.implementation != "cpython" and python is not None:
        markers |= _asked(python)
    return markers


@lru_cache
def _asked(python: Path) -> dict[str, str]:
    try:
        done = run_process(
            [python, "-I", "-c", _ASK], env=os.environ, cwd=python.parent, timeout=_TIMEOUT
        )
        values: dict[str, str] = json.loads(done.stdout)
    except CommandNotFoundError as error:
        raise _no_answer(python, "No such file") from error
    except ValueError as error:
        raise _no_answer(python, str(done.ending), done.stderr[-2000:]) from error
    return values


def _no_answer(python: Path, reason: str, detail: str = "") -> EnvironmentBuildError:
    return EnvironmentBuildError(
        f"{python} does not report its version: {reason}",
        hint="run it by hand, and install it again if it does not start",
        detail=detail,
    )
