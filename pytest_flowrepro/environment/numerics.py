"""Read the numerical features of an environment by running `in_venv/numerics.py` in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.bytecode import compiled_bytecode
from pytest_flowrepro.model import Numerics
from pytest_flowrepro.support.errors import EnvironmentBuildError
from pytest_flowrepro.support.in_venv import IN_VENV
from pytest_flowrepro.support.process import CommandNotFoundError, isolated_environment, run_process

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import BuiltEnvironment

_SCRIPT = IN_VENV / "numerics.py"
_TIMEOUT = 120.0

_read: dict[tuple[Path, str], Numerics] = {}
"""Results by folder and lock. They are kept in memory: a flow could write to any file."""


def read_numerics(built: BuiltEnvironment) -> Numerics:
    """Return the numerical features of `built`; empty without a numpy that can be imported.

    Each environment is asked once. A numpy that fails here fails in the flow as well, which then
    reports it. Raises `EnvironmentBuildError` if it hangs: a flow would otherwise be rerun with
    features that its baseline did not have.
    """
    if all(package.name != "numpy" for package in built.manifest.packages):
        return Numerics()
    key = (built.path, built.manifest.lock.contents)
    if key not in _read:
        _read[key] = _ask(built)
    return _read[key]


def _ask(built: BuiltEnvironment) -> Numerics:
    variables = {
        "PYTHONNOUSERSITE": "1",
        "PYTHONPYCACHEPREFIX": str(compiled_bytecode(built)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        completed = run_process(
            [built.python, _SCRIPT],
            env=isolated_environment(variables),
            cwd=built.path,
            timeout=_TIMEOUT,
        )
        if completed.ending.timed_out:
            raise EnvironmentBuildError(
                f"The numpy of the environment {built.manifest.name} could not be imported within "
                f"{_TIMEOUT:.0f} s",
                hint="run again when the machine is less busy",
            )
        answer = json.loads(completed.stdout)
        return Numerics(features=tuple(answer["features"]), blas=tuple(answer["blas"].items()))
    except (CommandNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return Numerics()
