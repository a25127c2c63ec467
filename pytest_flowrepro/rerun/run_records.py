"""The records of a run, which prove that it has succeeded: an exit code alone does not.

A flow may catch exceptions of its command line, and may delete or overwrite files of Metaflow. So
a run has succeeded if the datastore has the parameters, the end task and every task that Metaflow
started, each finished and complete, and if there is an observation of each.

Only file names and JSON are read here: the layout is that of Metaflow's local datastore
(metaflow/datastore/task_datastore.py) and of `in_venv/metaflow_path` (flowrepro_observe.py).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.support.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from pytest_flowrepro.model import Capture, Run

STARTED = "started.jsonl"

_ATTEMPT = re.compile(r"(\d+)\.")
_SHOWN = 20

_OBSERVED = {
    "join": bool,
    "inputs": list,
    "set": list,
    "cards": list,
    "written": list,
    "modules": list,
    "sources": list,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Attempt:
    """The last attempt of a task."""

    step: str
    task_id: str
    number: int
    folder: Path
    """The folder of the task in the datastore."""

    def record(self, name: str) -> Path:
        return self.folder / f"{self.number}.{name}"


def check_records(run: Run, *, ends: Collection[str]) -> None:
    """Raise `CaptureError` if a run with exit code 0 did not leave all records of its success.

    `ends` are the steps that end the flow; one of them has run.
    """
    problems = list(_problems(run, ends))
    if problems:
        raise _incomplete(run, problems)


def check_read(run: Run, captured: Capture) -> None:
    """Raise `CaptureError` if a task that Metaflow started was not read."""
    started, problem = _started(run)
    read = Counter(task.step for task in captured.tasks)
    problems = [problem] if problem else []
    problems += [
        f"step {step}: {count:,} tasks were started, and {read[step]:,} of them read"
        for step, count in Counter(step for step, _ in started).items()
        if read[step] < count
    ]
    if problems:
        raise _incomplete(run, problems)


def _incomplete(run: Run, problems: list[str]) -> CaptureError:
    more = [f"and {len(problems) - _SHOWN:,} more"] if len(problems) > _SHOWN else []
    output = ["", "end of the output:", *run.output.splitlines()[-10:]] if run.output else []
    return CaptureError(
        f"{run.flow} ended with exit code 0, but its records are incomplete: {problems[0]}",
        hint="do not let the flow change Metaflow's datastore or this plugin's files, and let it "
        "fail where a step fails; then run again",
        detail="\n".join([*problems[1:_SHOWN], *more, *output]),
    )


def _problems(run: Run, ends: Collection[str]) -> Iterator[str]:
    started, problem = _started(run)
    if problem:
        yield problem
        return
    if not any(step in ends for step, _ in started):
        yield f"no task of the step {' or '.join(sorted(ends))} was started"
    root = run.datastore / ".metaflow" / run.flow
    of_run = root / (run.run_id or "")
    parameters = _folders(of_run / "_parameters")
    if not parameters:
        yield f"{of_run / '_parameters'} has no task"
    tasks = [("_parameters", folder.name) for folder in parameters] + sorted(started)
    values: set[str] = set()
    for step, task_id in tasks:
        folder = of_run / step / task_id
        attempt = _last_attempt(step, task_id, folder)
        if attempt is None:
            yield f"{folder} does not have a task"
            continue
        yield from _problems_of_task(attempt, values)
        if step != "_parameters":
            yield from _problems_of_observation(attempt, run.observed)
    for value in sorted(values):
        if not (root / "data" / value[:2] / value).is_file():
            yield f"{root / 'data' / value[:2] / value} does not exist"


def _started(run: Run) -> tuple[set[tuple[str, str]], str | None]:
    """Return step and id of each task that Metaflow started, and a problem with the list."""
    file = run.observed / STARTED
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        return {(str(line["step"]), str(line["task_id"])) for line in lines}, None
    except (OSError, ValueError, KeyError, TypeError) as error:
        return set(), f"{file} cannot be read: {_first_line(error)}"


def _folders(folder: Path) -> list[Path]:
    try:
        folders = [entry for entry in folder.iterdir() if entry.is_dir() and entry.name != "_meta"]
    except OSError:
        return []
    return sorted(folders)


def _last_attempt(step: str, task_id: str, folder: Path) -> _Attempt | None:
    try:
        matches = [_ATTEMPT.match(entry.name) for entry in folder.iterdir()]
    except OSError:
        return None
    numbers = [int(match[1]) for match in matches if match]
    if not numbers:
        return None
    return _Attempt(step=step, task_id=task_id, number=max(numbers), folder=folder)


def _problems_of_task(attempt: _Attempt, values: set[str]) -> Iterator[str]:
    """Yield problems with a task's files; add the file names of its artifacts to `values`."""
    for name in ("attempt.json", "DONE.lock"):
        if not attempt.record(name).is_file():
            yield f"{attempt.record(name)} does not exist"
    data, problem = _json(attempt.record("data.json"))
    objects = data.get("objects")
    if problem or not isinstance(objects, dict):
        yield problem or f"{attempt.record('data.json')} does not list the task's artifacts"
        return
    values |= {value for value in objects.values() if isinstance(value, str)}


def _problems_of_observation(attempt: _Attempt, observed: Path) -> Iterator[str]:
    expected = {"step": attempt.step, "task_id": attempt.task_id, "attempt": attempt.number}
    file = observed / f"{attempt.step}-{attempt.task_id}-{attempt.number}.json"
    data, problem = _json(file)
    if problem:
        yield problem
    elif any(data.get(name) != value for name, value in expected.items()):
        yield f"{file} is not about that attempt of the task"
    elif data.get("ok") is False:
        yield f"task {attempt.task_id} of step {attempt.step} failed"
    elif data.get("ok") is not True or any(
        not isinstance(data.get(name), kind) for name, kind in _OBSERVED.items()
    ):
        yield f"{file} is not a complete observation of a task"


def _json(file: Path) -> tuple[dict[str, Any], str | None]:
    try:
        value = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}, f"{file} does not exist"
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"{file} cannot be read: {_first_line(error)}"
    return (value, None) if isinstance(value, dict) else ({}, f"{file} is not a JSON object")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
