"""Metaflow's own description of a flow: its graph, decorators, parameters and named files.

This is the host's half. The flow's interpreter runs the flow's file with a command that our
extension adds to Metaflow's command line: `in_venv/metaflow_path/.../flowrepro_describe.py` has
the JSON contract.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_flowrepro.advice.advice import advise
from pytest_flowrepro.model import Decorator, FlowDescription, NamedFile, Parameter, Step
from pytest_flowrepro.support.errors import DescribeError
from pytest_flowrepro.support.process import CommandNotFoundError, run_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_flowrepro.advice.advice import Situation
    from pytest_flowrepro.model import FlowProcess, FlowSource
    from pytest_flowrepro.support.process import Completed

_T = TypeVar("_T")

COMMAND = "flowrepro-describe"
GRAPH = "graph.json"
"""The file in which a run leaves its steps, among its observations (flowrepro_observe.py)."""

_DETAIL_LINES = 40
_LIBRARY_FRAME = re.compile(r'  File "(<frozen |[^"]*/(site-packages|lib/python\d[^/"]*)/)')


def describe_flow(
    process: FlowProcess, situation: Situation, workspace: Path, options: Sequence[str] = ()
) -> FlowDescription:
    """Ask Metaflow for the description of the flow of `process`.

    Its variables have our extension on PYTHONPATH. Files are written only below `workspace` and to
    the Metaflow datastore that these variables name; bytecode is kept out of the user's tree.
    Relative defaults of IncludeFile and Config are resolved against its `cwd`; `options` come
    before the command, as configs do. `situation` is what a failure is advised on with.

    Raises `DescribeError`, with Metaflow's sentence or the user's own frames of the traceback, for
    a flow that cannot be imported, is not valid for Metaflow, lacks a configuration file, does not
    start, or has not answered in time.
    """
    flow, redaction = process.flow, process.redaction
    answer = workspace / "description.json"
    answer.unlink(missing_ok=True)
    bytecode = {} if "PYTHONPYCACHEPREFIX" in process.env else {"PYTHONDONTWRITEBYTECODE": "1"}
    quiet = ("--quiet", "--no-pylint")
    try:
        completed = run_process(
            [process.python, flow.file, *quiet, *options, COMMAND, "--output", answer],
            env={**process.env, **bytecode},
            cwd=process.cwd,
            timeout=process.timeout,
        )
    except CommandNotFoundError as error:
        raise DescribeError(
            f"{flow.file}: Python could not be started for {flow.name}: {error}",
            hint="run again; if it persists, remove the environment's folder that is named here",
        ) from error
    completed = replace(
        completed, stdout=redaction.text(completed.stdout), stderr=redaction.text(completed.stderr)
    )
    if not completed.ok:
        raise _failure(completed, situation)
    if not answer.exists():
        raise DescribeError(
            f"{flow.file} exited before it reached `{flow.name}()`",
            hint=f"let `python {flow.file.name} {COMMAND}` reach `{flow.name}()`: "
            "look for an exit or a condition on the arguments that comes before it",
            detail=_last_lines(completed.stderr or completed.stdout),
        )
    description = _read(answer, flow)
    if description.name != flow.name:
        raise DescribeError(
            f"{flow.file} starts {description.name}, not {flow.name}",
            hint=f"give {flow.name} a file of its own",
        )
    return description


# --- errors ---------------------------------------------------------------------------


def _failure(completed: Completed, situation: Situation) -> DescribeError:
    flow = situation.flow
    what = f"{flow.file}: Metaflow cannot load {flow.name}"
    stderr = completed.stderr.strip()
    detail = _last_lines(_users_traceback(stderr) or _metaflows_sentence(stderr))
    hint = f"run `python {flow.file.name} check` to reproduce it, and fix the reported error"
    if completed.timed_out:
        what = f"{flow.file}: {flow.name} was {completed.ending} while it was loaded"
        hint = "look for code at module level that waits; if it needs longer, raise `timeout`"
    elif advice := advise(stderr, situation):
        hint = advice.hint
        if advice.subject is None:
            what = f"{flow.file}: {flow.name} {advice.what}"
        else:
            what = f"{advice.subject}: {advice.what}"
    elif f"No such command '{COMMAND}'" in stderr or f'No such command "{COMMAND}"' in stderr:
        what = f"{flow.file}: Metaflow did not load the extension of pytest-flowrepro"
        hint = "require metaflow>=2.8, the oldest release that is known to load it"
    elif completed.returncode < 0 or not stderr:
        what = f"{flow.file}: {flow.name} ended with {completed.ending} while it was loaded"
        hint = f"run `python {flow.file.name} check` by hand, and fix what ends it"
        detail = detail or _last_lines(completed.stdout)
    return DescribeError(what, hint=hint, detail=detail)


def _metaflows_sentence(stderr: str) -> str:
    """Return the error without the usage that the command line prints before it."""
    usage, error, sentence = stderr.partition("\nError: ")
    return sentence if error and usage.startswith("Usage: ") else stderr


def _users_traceback(stderr: str) -> str:
    """Return the last traceback, without the frames of libraries; empty without one."""
    _, found, traceback = stderr.rpartition("Traceback (most recent call last):\n")
    if not found:
        return ""
    # A frame is a line and the lines indented below it; the exception itself is not indented.
    frames, kept = re.split(r"^(?=  File |\S)", traceback, flags=re.MULTILINE), []
    kept = [part for part in frames if not _LIBRARY_FRAME.match(part)]
    all_of_libraries = not any(part.startswith("  File ") for part in kept)
    return found + "".join(frames if all_of_libraries else kept)


def _last_lines(text: str) -> str:
    lines = [line[:1000] for line in text.strip("\n").splitlines()]
    cut = [f"[... {len(lines) - _DETAIL_LINES} lines left out ...]"]
    return "\n".join([*(cut if len(lines) > _DETAIL_LINES else []), *lines[-_DETAIL_LINES:]])


# --- the answer -----------------------------------------------------------------------


class _MalformedError(Exception):
    """An answer that does not keep the contract; the message has the place."""


def read_graph(file: Path, flow: FlowSource) -> tuple[Step, ...]:
    """Return the steps as Metaflow saw them in a run, from the file that our extension left.

    Raises `DescribeError` for a file that is missing or broken.
    """
    try:
        return _each(json.loads(file.read_bytes()), "steps", _step)
    except (OSError, ValueError, RecursionError, _MalformedError) as error:
        raise DescribeError(
            f"{flow.file}: the graph that the run of {flow.name} left cannot be read",
            hint="run again; if it persists, report it to pytest-flowrepro",
            detail=f"{file.name}: {error}",
        ) from error


def _read(answer: Path, flow: FlowSource) -> FlowDescription:
    try:
        raw = json.loads(answer.read_bytes())
        return FlowDescription(
            name=_get(raw, "name", str),
            steps=_each(raw, "steps", _step),
            decorators=_each(raw, "decorators", _decorator),
            parameters=_each(raw, "parameters", _parameter),
            files=_each(raw, "files", _file),
        )
    except (OSError, ValueError, RecursionError, _MalformedError) as error:
        raise DescribeError(
            f"{flow.file}: Metaflow's description of {flow.name} cannot be read",
            hint="run again; if it persists, report it to pytest-flowrepro",
            detail=f"{answer.name}: {error}",
        ) from error


def _step(raw: Any) -> Step:
    return Step(
        name=_get(raw, "name", str),
        type=_get(raw, "type", str),
        next=_each(raw, "next", lambda name: _is(name, str)),
        decorators=_each(raw, "decorators", _decorator),
    )


def _decorator(raw: Any) -> Decorator:
    return Decorator(name=_get(raw, "name", str), attributes=_get(raw, "attributes", dict))


def _parameter(raw: Any) -> Parameter:
    no_default = _get(raw, "default", object) is None
    return Parameter(
        name=_get(raw, "name", str),
        type=_get(raw, "type", str),
        required=_get(raw, "required", bool),
        default=None if no_default else _get(raw, "default", str),
    )


def _file(raw: Any) -> NamedFile:
    in_place = _get(raw, "place", object) is None
    return NamedFile(
        source=Path(_get(raw, "source", str)), place=None if in_place else _get(raw, "place", str)
    )


def _is(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise _MalformedError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value


def _get(raw: Any, key: str, kind: type[_T]) -> _T:
    if key not in _is(raw, dict):
        raise _MalformedError(f"{key}: missing")
    try:
        return _is(raw[key], kind)
    except _MalformedError as error:
        raise _MalformedError(f"{key}: {error}") from None


def _each(raw: Any, key: str, parse: Callable[[Any], _T]) -> tuple[_T, ...]:
    parsed = []
    for number, item in enumerate(_get(raw, key, list)):
        try:
            parsed.append(parse(item))
        except _MalformedError as error:
            raise _MalformedError(f"{key}[{number}]: {error}") from None
    return tuple(parsed)
