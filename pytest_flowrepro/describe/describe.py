"""Metaflow's own description of a flow: its graph, decorators, parameters and named files.

This is the host's half. The flow's interpreter runs the flow's file with a command that our
extension adds to Metaflow's command line: `in_venv/metaflow_path/.../flowrepro_describe.py` has
the JSON contract.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.advice.advice import advise
from pytest_flowrepro.model import Decorator, FlowDescription, NamedFile, Parameter, Step
from pytest_flowrepro.support.errors import DescribeError
from pytest_flowrepro.support.json_node import JsonNode
from pytest_flowrepro.support.process import CommandNotFoundError, run_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_flowrepro.advice.advice import Situation
    from pytest_flowrepro.model import FlowProcess, FlowSource
    from pytest_flowrepro.support.process import Completed

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
    Relative defaults of IncludeFile and Config are resolved against its `cwd`. `options`, such as
    configs, come before the command. `situation` is used to advise on a failure.

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
    description = _read_description(answer, flow)
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
    if completed.ending.timed_out:
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
    elif completed.ending.returncode < 0 or not stderr:
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
    _, heading, traceback = stderr.rpartition("Traceback (most recent call last):\n")
    if not heading:
        return ""
    # A frame is a line and the lines indented below it; the exception itself is not indented.
    frames = re.split(r"^(?=  File |\S)", traceback, flags=re.MULTILINE)
    users = [part for part in frames if not _LIBRARY_FRAME.match(part)]
    all_of_libraries = not any(part.startswith("  File ") for part in users)
    return heading + "".join(frames if all_of_libraries else users)


def _last_lines(text: str) -> str:
    lines = [line[:1000] for line in text.strip("\n").splitlines()]
    cut = [f"[... {len(lines) - _DETAIL_LINES} lines left out ...]"]
    return "\n".join([*(cut if len(lines) > _DETAIL_LINES else []), *lines[-_DETAIL_LINES:]])


# --- the answer -----------------------------------------------------------------------


def read_graph(file: Path, flow: FlowSource) -> tuple[Step, ...]:
    """Return the steps as Metaflow saw them in a run, from the file that our extension left.

    Raises `DescribeError` for a file that is missing or broken.
    """
    root = _root(file, f"{flow.file}: the graph that the run of {flow.name} left")
    return _read_steps(root.record("steps")["steps"])


def _read_description(answer: Path, flow: FlowSource) -> FlowDescription:
    root = _root(answer, f"{flow.file}: Metaflow's description of {flow.name}")
    fields = root.record("name", "steps", "decorators", "parameters", "files")
    return FlowDescription(
        name=fields["name"].text(),
        steps=_read_steps(fields["steps"]),
        decorators=_read_decorators(fields["decorators"]),
        parameters=tuple(map(_read_parameter, fields["parameters"].items())),
        files=tuple(map(_read_named_file, fields["files"].items())),
    )


def _root(file: Path, subject: str) -> JsonNode:
    def error(reason: str) -> DescribeError:
        return DescribeError(
            f"{subject} cannot be read",
            hint="run again; if it persists, report it to pytest-flowrepro",
            detail=f"{file.name}: {reason}",
        )

    return JsonNode.read(file, error=error)


def _read_steps(node: JsonNode) -> tuple[Step, ...]:
    entries = (item.record("name", "type", "next", "decorators") for item in node.items())
    return tuple(
        Step(
            name=fields["name"].text(),
            type=fields["type"].text(),
            next=fields["next"].texts(),
            decorators=_read_decorators(fields["decorators"]),
        )
        for fields in entries
    )


def _read_decorators(node: JsonNode) -> tuple[Decorator, ...]:
    entries = (item.record("name", "attributes") for item in node.items())
    return tuple(
        Decorator(
            name=fields["name"].text(),
            attributes=fields["attributes"].mapping(),
        )
        for fields in entries
    )


def _read_parameter(node: JsonNode) -> Parameter:
    fields = node.record("name", "type", "required", "default")
    return Parameter(
        name=fields["name"].text(),
        type=fields["type"].text(),
        required=fields["required"].boolean(),
        default=fields["default"].text_or_none(),
    )


def _read_named_file(node: JsonNode) -> NamedFile:
    fields = node.record("source", "place")
    return NamedFile(source=Path(fields["source"].text()), place=fields["place"].text_or_none())
