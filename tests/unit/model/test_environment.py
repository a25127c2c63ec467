from __future__ import annotations

import platform
import re
import sys
from pathlib import Path

import pytest
from locks import locked
from packaging.markers import default_environment

from pytest_flowrepro.model import (
    BuiltEnvironment,
    Environment,
    FlowEnvironments,
    Interpreter,
    environment_of,
)


def test_an_interpreter_is_written_as_it_is_read() -> None:
    interpreter = Interpreter.parse("cpython 3.11.7")
    assert interpreter == Interpreter("cpython", "3.11.7")
    assert (str(interpreter), interpreter.minor) == ("cpython 3.11.7", "3.11")


@pytest.mark.parametrize("text", ["", "3.11.7", "cpython", "cpython ", " 3.11.7", "cpython  3.11"])
def test_a_text_that_names_no_interpreter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Interpreter.parse(text)


def test_an_interpreter_has_the_markers_that_follow_from_it() -> None:
    assert Interpreter("pypy", "3.11.7").markers() == {
        "implementation_name": "pypy",
        "implementation_version": "3.11.7",
        "platform_python_implementation": "PyPy",
        "python_full_version": "3.11.7",
        "python_version": "3.11",
    }
    own = Interpreter(sys.implementation.name, platform.python_version()).markers()
    assert own.items() <= default_environment().items()


def test_a_step_runs_in_the_environment_that_names_it_else_in_that_of_the_flow() -> None:
    base, of_train = environment("base"), environment("step-train", "train", "evaluate")
    assert environment_of("train", (base, of_train)) == of_train
    assert environment_of("evaluate", (of_train, base)) == of_train
    assert environment_of("start", (base, of_train)) == base
    assert environment_of("start", (of_train,)) is None
    built = [
        BuiltEnvironment(path=Path(one.name), python=Path(one.name, "python"), manifest=one)
        for one in (base, of_train)
    ]
    environments = FlowEnvironments(base=built[0], of_steps=(built[1],))
    assert [environments.of(step) for step in ("start", "train")] == built
    assert (environments.all, environments.manifests) == (tuple(built), (base, of_train))
    python = Path("step-train/python")
    assert environments.pythons == {"train": python, "evaluate": python}


def environment(name: str, *steps: str) -> Environment:
    return Environment(
        name=name,
        python=Interpreter("cpython", "3.11.7"),
        packages=(),
        lock=locked(),
        steps=steps,
    )
