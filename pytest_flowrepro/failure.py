"""What to tell a person about a flow that did not come to its end."""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.check import Job, Observation
    from pytest_flowrepro.model import TaskLog

_LINES = 60
"""Of a step's stderr: enough for a traceback through a library or two."""

_NO_FILE = re.compile(r"^FileNotFoundError: .*?: '(?P<path>[^']+)'$", re.MULTILINE)
# click, which runs Metaflow's command line, makes this of an EOFError.
_NO_INPUT = re.compile(r"^Aborted!$|^EOFError", re.MULTILINE)
_NO_MODULE = re.compile(r"^ModuleNotFoundError: No module named '(?P<name>[^']+)'", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFailure:
    reached: bool
    """False: an earlier step failed, and this one never ran."""
    text: str


def step_failure(observation: Observation, step: str, job: Job) -> StepFailure | None:
    """Why a step has nothing that could be compared; None when it ended well."""
    if observation.failure is None:
        return None
    failed = [log for log in observation.logs if not log.ok]
    own = next((log for log in failed if log.step == step), None)
    if own is not None:
        return StepFailure(reached=True, text=_own_failure(observation, own, job))
    if failed and any(log.step == step for log in observation.logs):
        return None
    if failed:
        names = ", ".join(dict.fromkeys(log.step for log in failed))
        return StepFailure(reached=False, text=f"not reached: step {names} failed")
    text = f"{job.title} ended with {observation.failure}\n\n{_tail(observation.output)}"
    return StepFailure(reached=False, text=text)


def log_of(logs: Iterable[TaskLog], step: str, stream: str) -> str:
    """What a step's tasks printed; each task under its index where there are several."""
    own = [log for log in logs if log.step == step and getattr(log, stream)]
    if len(own) == 1:
        return str(getattr(own[0], stream))
    return "".join(f"{list(log.index)}\n{getattr(log, stream)}" for log in own)


def _own_failure(observation: Observation, log: TaskLog, job: Job) -> str:
    task = f"{log.step}{list(log.index) if log.index else ''}"
    said = log.stderr or _lines_about(observation.output, log.step)
    parts = [f"step {task} of {job.title} failed ({observation.failure})", "", _tail(said)]
    advice = _advice(said, observation.failure or "", job)
    if advice:
        parts += ["", f"What to do: {advice}"]
    return "\n".join(parts)


def _advice(said: str, ending: str, job: Job) -> str | None:
    if ending.startswith("stopped after"):
        return (
            "if the flow needs longer, raise `timeout` in [tool.flowrepro] or give "
            "--flow-repro-timeout SECONDS; if it hangs, the lines above say where"
        )
    if (match := _NO_FILE.search(said)) and (include := _to_include(match["path"], job)):
        return (
            f"the flow reads {include}, which is not in its code package; add it:\n\n"
            f"    [tool.flowrepro.flow.{job.flow.name}]\n"
            f'    include = ["{include}"]\n'
        )
    if _NO_INPUT.search(said):
        return "the step asked its standard input, and in a rerun nobody answers: use a Parameter"
    if match := _NO_MODULE.search(said):
        name = match["name"].partition(".")[0]
        return (
            f"declare what provides `{name}` in the flow's requirements, then record again "
            "with --flow-repro-update; if it is a module of this repository, add it to `include`"
        )
    return None


def _to_include(path: str, job: Job) -> str | None:
    """The `include` line for a file that the copy lacks and the user's tree has."""
    named = Path(path)
    copies = [parent for parent in named.parents if parent.parent.parent == job.folder]
    if named.is_absolute() and copies:
        in_project = job.root / named.relative_to(copies[0])
    else:
        in_project = job.flow.file.parent / named
    if not in_project.is_file():
        return None
    # Path.relative_to(walk_up=True) comes with Python 3.12 only.
    return Path(os.path.relpath(in_project, job.flow.file.parent)).as_posix()


def _lines_about(output: str, step: str) -> str:
    """A task that was killed left no log; the runtime printed its lines with its name."""
    return "\n".join(line for line in output.splitlines() if f"/{step}/" in line)


def _tail(text: str) -> str:
    lines = text.rstrip().splitlines()
    cut = [f"[... {len(lines) - _LINES} lines left out ...]"] if len(lines) > _LINES else []
    return "\n".join([*cut, *lines[-_LINES:]])
