"""The host's half of describe, with stand-ins for the flow's interpreter.

What real Metaflow answers is in tests/integration/test_describe_metaflow.py.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flow_processes import flow_process
from situations import situation

from pytest_flowrepro.describe.describe import describe_flow
from pytest_flowrepro.model import (
    Decorator,
    FlowDescription,
    NamedFile,
    Parameter,
    Step,
)
from pytest_flowrepro.support.errors import DescribeError

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., FlowDescription]

ANSWER: dict[str, Any] = {
    "name": "TrainFlow",
    "steps": [
        {
            "name": "start",
            "type": "start",
            "next": ["end"],
            "decorators": [{"name": "retry", "attributes": {"times": 2}}],
        },
        {"name": "end", "type": "end", "next": [], "decorators": []},
    ],
    "decorators": [{"name": "project", "attributes": {"name": "demo"}}],
    "parameters": [
        {"name": "alpha", "type": "Parameter", "required": False, "default": "0.1"},
        {"name": "beta", "type": "Parameter", "required": True, "default": None},
    ],
    "files": [
        {"source": "/flows/config.json", "place": None},
        {"source": "/shared/rates.yaml", "place": "conf/rates.yaml"},
    ],
}


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Describe TrainFlow by a shell script that stands in for the flow's interpreter.

    The script finds the answer that it may give in $ANSWER, and the file to give it in `$6`.
    """

    def describe(script: str, *, answer: Any = ANSWER, timeout: float = 20) -> FlowDescription:
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        env = {"ANSWER": json.dumps(answer), "PATH": "/usr/bin:/bin"}
        at = situation(tmp_path / "train.py", root=tmp_path)
        process = flow_process(at.flow, python=python, env=env, timeout=timeout)
        return describe_flow(process, at, workspace=tmp_path)

    return describe


GIVE = 'printf %s "$ANSWER" > "$6"\n'


def saying(words: str, code: int = 1) -> str:
    return f"printf %s {shlex.quote(words)} >&2; exit {code}"


def test_an_answer(ask: Ask) -> None:
    assert ask(GIVE) == FlowDescription(
        name="TrainFlow",
        steps=(
            Step(
                name="start",
                type="start",
                next=("end",),
                decorators=(Decorator(name="retry", attributes={"times": 2}),),
            ),
            Step(name="end", type="end", next=(), decorators=()),
        ),
        decorators=(Decorator(name="project", attributes={"name": "demo"}),),
        parameters=(
            Parameter(name="alpha", type="Parameter", required=False, default="0.1"),
            Parameter(name="beta", type="Parameter", required=True, default=None),
        ),
        files=(
            NamedFile(source=Path("/flows/config.json")),
            NamedFile(source=Path("/shared/rates.yaml"), place="conf/rates.yaml"),
        ),
    )


def test_the_flow_is_started_as_a_user_starts_it(ask: Ask, tmp_path: Path) -> None:
    answer = tmp_path / "description.json"
    ask(GIVE + '(echo "$PWD"; echo "$@") > asked; echo "$PYTHONDONTWRITEBYTECODE" >> asked')
    assert (tmp_path / "asked").read_text().splitlines() == [
        str(tmp_path),
        f"{tmp_path}/train.py --quiet --no-pylint flowrepro-describe --output {answer}",
        "1",
    ]


def test_an_older_answer_is_not_taken_for_this_one(ask: Ask) -> None:
    ask(GIVE)
    with pytest.raises(DescribeError, match="exited before it reached"):
        ask("exit 0")


NO_CONFIG = "default configuration file 'c.json' could not be read for 'cfg'"
TRACEBACK = """\
Traceback (most recent call last):
  File "/flows/train.py", line 3, in <module>
    helper.go()
  File "/flows/helper.py", line 3, in go
    json.loads("{")
  File "/usr/lib/python3.11/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/env/lib/python3.11/site-packages/x.py", line 1, in x
    x()
json.decoder.JSONDecodeError: Expecting property name:
line 1 column 2"""
TRACEBACK_OF_THE_USER = """\
Traceback (most recent call last):
  File "/flows/train.py", line 3, in <module>
    helper.go()
  File "/flows/helper.py", line 3, in go
    json.loads("{")
json.decoder.JSONDecodeError: Expecting property name:
line 1 column 2"""


@pytest.mark.parametrize(
    ("script", "what", "hint", "detail"),
    [
        (
            saying("    Validity checker found an issue on line 4:\n    Step start is bad.\n"),
            "train.py: Metaflow cannot load TrainFlow",
            "python train.py check",
            "Validity checker found an issue on line 4:\n    Step start is bad.",
        ),
        (
            saying("Usage: train.py [OPTIONS]\n\nError: missing configuration for 'c'\n", 2),
            "train.py: TrainFlow cannot start without its config 'c'",
            'configs = { c = "FILE" }',
            "missing configuration for 'c'",
        ),
        (
            saying(f"Usage: x\n\nError: {NO_CONFIG}", 2),
            "c.json: The file for config 'cfg' of TrainFlow cannot be read",
            "create it",
            NO_CONFIG,
        ),
        (
            saying("    Internal error\n" + TRACEBACK),
            "Metaflow cannot load TrainFlow",
            "python train.py check",
            TRACEBACK_OF_THE_USER,
        ),
        (
            saying('Traceback (most recent call last):\n  File "/x/site-packages/y.py"\nE: z'),
            "Metaflow cannot load TrainFlow",
            "python train.py check",
            'Traceback (most recent call last):\n  File "/x/site-packages/y.py"\nE: z',
        ),
        (
            saying(
                "Traceback (most recent call last):\nModuleNotFoundError: No module named 'a.b'"
            ),
            "TrainFlow imports `a`, which is not installed",
            "add the package that provides `a` to the flow's requirements",
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'a.b'",
        ),
        (
            saying("Usage: x\n\nError: No such command 'flowrepro-describe'.", 2),
            "did not load the extension",
            "metaflow>=2.8",
            "No such command 'flowrepro-describe'.",
        ),
        ("kill -SEGV $$", "ended with signal SIGSEGV", "by hand", ""),
        ("echo bye; exit 3", "ended with exit code 3", "by hand", "bye"),
        ("exit 0", "exited before it reached `TrainFlow()`", "look for an exit", ""),
        (saying("é\n" * 100), "cannot load", "check", "[... 60 lines left out ...]" + 40 * "\né"),
    ],
)
def test_why_there_is_no_answer(ask: Ask, script: str, what: str, hint: str, detail: str) -> None:
    with pytest.raises(DescribeError) as caught:
        ask(script)
    assert what in caught.value.what
    assert hint in caught.value.hint
    assert caught.value.detail == detail


def test_a_module_of_the_project_comes_with_the_lines_to_add(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "src/warehouse").mkdir(parents=True)
    (tmp_path / "src/warehouse/__init__.py").touch()
    with pytest.raises(
        DescribeError, match="imports `warehouse`, which is not installed"
    ) as caught:
        ask(saying("ModuleNotFoundError: No module named 'warehouse'"))
    assert caught.value.hint.splitlines()[1:] == [
        "",
        "    [tool.flowrepro.flow.TrainFlow]",
        '    env = { PYTHONPATH = "src" }',
        '    include = ["src"]',
    ]


def test_a_flow_that_hangs_while_it_is_loaded(ask: Ask) -> None:
    with pytest.raises(DescribeError, match=r"was stopped after \d+ s while it was loaded"):
        ask("sleep 60", timeout=0.2)


def test_a_file_that_starts_another_flow(ask: Ask) -> None:
    with pytest.raises(DescribeError, match="starts OtherFlow, not TrainFlow"):
        ask(GIVE, answer=ANSWER | {"name": "OtherFlow"})


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    at = situation(tmp_path / "train.py", root=tmp_path)
    process = flow_process(at.flow, python=tmp_path / "gone", env={})
    with pytest.raises(DescribeError, match="Python could not be started for TrainFlow"):
        describe_flow(process, at, workspace=tmp_path)


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ([], "the file should be an object, is an array"),
        ({}, "name is missing"),
        (ANSWER | {"name": 3}, "name should be a string, is 3"),
        (ANSWER | {"steps": None}, "steps should be an array, is null"),
        (ANSWER | {"steps": [ANSWER["steps"][0], 3]}, "steps[1] should be an object, is 3"),
        (ANSWER | {"steps": [ANSWER["steps"][0] | {"next": [1]}]}, "steps[0].next[0] should be"),
        (ANSWER | {"decorators": [{"name": "x"}]}, "decorators[0].attributes is missing"),
        (ANSWER | {"parameters": [{"default": 3}]}, "parameters[0].name is missing"),
        (
            ANSWER | {"parameters": [ANSWER["parameters"][0] | {"default": 3}]},
            "parameters[0].default should be a string, is 3",
        ),
        (ANSWER | {"files": [None]}, "files[0] should be an object, is null"),
        (ANSWER | {"files": [{"source": "/a"}]}, "files[0].place is missing"),
    ],
)
def test_an_answer_that_does_not_keep_the_contract(ask: Ask, answer: Any, place: str) -> None:
    with pytest.raises(DescribeError, match="cannot be read") as caught:
        ask(GIVE, answer=answer)
    assert place in caught.value.detail


def test_an_answer_that_is_not_json(ask: Ask) -> None:
    with pytest.raises(DescribeError, match="cannot be read"):
        ask('printf "{" > "$6"')
