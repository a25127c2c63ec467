"""What a person can do about a step that failed, from what it said."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.local_modules import missing_module, module_advice
from pytest_flowrepro.said import (
    missing_object,
    missing_variable,
    namespace_advice,
    object_advice,
    other_namespace,
    variable_advice,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.check import Job

_NO_FILE = re.compile(r"^FileNotFoundError: .*?: '(?P<path>[^']+)'$", re.MULTILINE)
# click, which runs Metaflow's command line, makes this of an EOFError.
_NO_INPUT = re.compile(r"^Aborted!$|^EOFError", re.MULTILINE)
# metaflow/flowspec.py `next`; the command line takes the asterisks away.
_NO_SPLITS = re.compile(r"^ *Foreach iterator over \*?(?P<name>\w+).* zero splits", re.MULTILINE)
# metaflow/plugins/timeout_decorator.py TimeoutException
_TIMEOUT = re.compile(r"^\s*@timeout:", re.MULTILINE)


def advice(said: str, ending: str, job: Job) -> str | None:
    """The first that fits; None when nothing does. `ending` says how the run ended."""
    if ending.startswith("stopped after"):
        return (
            "if the flow needs longer, raise `timeout` in [tool.flowrepro] or give "
            "--flow-repro-timeout SECONDS; if it hangs, the lines above say where"
        )
    return next(filter(None, (find(said, job) for find in _ADVICE)), None)


def _file(said: str, job: Job) -> str | None:
    match = _NO_FILE.search(said)
    include = _to_include(match["path"], job) if match else None
    return include and (
        f"the flow reads {include}, which is not in its code package; add it:\n\n"
        f"    [tool.flowrepro.flow.{job.flow.name}]\n"
        f'    include = ["{include}"]\n'
    )


def _to_include(path: str, job: Job) -> str | None:
    """The `include` line for a file that the copy lacks and the user's tree has."""
    named = Path(path)
    copies = [parent for parent in named.parents if parent.parent.parent == job.folder]
    if named.is_absolute() and copies:
        in_project = job.root / named.relative_to(copies[0])
    else:
        in_project = job.cwd / named
    if not in_project.is_file():
        return None
    # Path.relative_to(walk_up=True) comes with Python 3.12 only.
    return Path(os.path.relpath(in_project, job.flow.file.parent)).as_posix()


def _variable(said: str, job: Job) -> str | None:
    name = missing_variable(said)
    return name and variable_advice(name, job.flow.name)


def _other_flow(said: str, job: Job) -> str | None:
    path = missing_object(said)
    return path and object_advice(path, job.flow.name)


def _namespace(said: str, _: Job) -> str | None:
    name = other_namespace(said)
    return name and namespace_advice(name)


def _no_splits(said: str, _: Job) -> str | None:
    match = _NO_SPLITS.search(said)
    return match and (
        f"Metaflow refuses a foreach over nothing: see why `{match['name']}` is empty, or let "
        "a switch (`self.next({...}, condition=...)`) go around the foreach when it is"
    )


def _timeout(said: str, _: Job) -> str | None:
    return _TIMEOUT.search(said) and (
        "the step's own @timeout ended it: raise that, or see in the stack above where it stood"
    )


def _input(said: str, _: Job) -> str | None:
    return _NO_INPUT.search(said) and (
        "the step asked its standard input, and in a rerun nobody answers: use a Parameter"
    )


def _module(said: str, job: Job) -> str | None:
    module = missing_module(said)
    return module and module_advice(module, flow=job.flow, root=job.root)


_ADVICE: tuple[Callable[[str, Job], str | None], ...] = (
    _file,
    _variable,
    _other_flow,
    _namespace,
    _no_splits,
    _timeout,
    _input,
    _module,
)
