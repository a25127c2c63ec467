"""`flowrepro python`: the interpreters that the recorded flows need."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline import find_baselines, flow_file, read_baseline
from pytest_flowrepro.cli.answer import Answer
from pytest_flowrepro.cli.flow_names import not_recorded, project_of, recorded_folders
from pytest_flowrepro.model import CondaLock
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.support.errors import BaselineError, FlowReproError

if TYPE_CHECKING:
    from pytest_flowrepro.model import Interpreter, Recording


def list_interpreters(flow: str | None, *, every: bool) -> Answer:
    """Return the interpreters of a flow's environments, or of all flows below this folder.

    Each has a line, as `actions/setup-python` reads it: the newest CPython is last, which makes it
    the default. An environment of conda packages is left out, as it contains its interpreter.
    Raises `FlowReproError` if there is none, or several without `every`.
    """
    folders = [*find_baselines(Path.cwd())] if flow is None else recorded_folders(flow)
    recordings = {}
    for folder in folders:
        recording = read_baseline(folder, root=project_of(folder))
        if recording is not None:
            recordings[os.path.relpath(flow_file(folder)) + f"::{recording.title}"] = recording
    if not recordings:
        raise not_recorded(flow) if flow else _nothing_recorded()
    users = _users(recordings)
    if not users:
        raise FlowReproError(
            "Every recorded environment contains its interpreter, which is a conda package",
            hint="install any Python that pytest-flowrepro supports",
        )
    if len(users) > 1 and not every:
        needs = ", ".join(f"{_name(python)} by {users[python]}" for python in users)
        raise FlowReproError(
            f"Several Pythons are recorded: {needs}", hint="name one flow, or pass --all"
        )
    return Answer(text="".join(f"{inert(_name(python))}\n" for python in users))


def _nothing_recorded() -> BaselineError:
    return BaselineError(
        "No baseline in this folder or below it",
        hint="run the command in the project's folder, or record with `pytest --flow-repro "
        "--flow-repro-update-new`",
    )


def _users(recordings: dict[str, Recording]) -> dict[Interpreter, str]:
    """Return the interpreters, the default last, each with the first flow that needs it."""
    users: dict[Interpreter, str] = {}
    for title, recording in recordings.items():
        for environment in recording.environments:
            if not isinstance(environment.lock, CondaLock):
                users.setdefault(environment.python, title)
    return dict(sorted(users.items(), key=lambda user: _rank(user[0])))


def _rank(python: Interpreter) -> tuple[bool, list[int]]:
    numbers = re.findall(r"\d+", python.version)  # `3.14.0a1+` is not a version of PEP 440
    return python.implementation == "cpython", [*map(int, numbers)]


def _name(python: Interpreter) -> str:
    """Return `3.11.7`; `pypy3.10` without the patch release, which is not PyPy's own version."""
    if python.implementation == "cpython":
        return python.version
    return f"{python.implementation}{python.minor}"
