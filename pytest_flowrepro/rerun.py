"""Runs a flow again: real Metaflow, in a working directory of its own, on a local datastore."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.errors import RerunError
from pytest_flowrepro.model import BuiltEnvironment, Json, Run
from pytest_flowrepro.process import (
    CommandNotFoundError,
    Completed,
    isolated_environment,
    run_process,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXTENSION = Path(__file__).parent / "_in_venv" / "path"
"""On PYTHONPATH, never installed: the environment's manifest stays that of its lock."""

OUTPUT_LIMIT = 200_000

# As click, in Metaflow's vendored version, says it.
_MISSING = re.compile(r"Missing option ['\"]--(?P<name>[^'\" ]+)")
_UNKNOWN = re.compile(r"[Nn]o such option:? ['\"]?--(?P<name>[^'\" ]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The folders of one rerun, all below one root."""

    root: Path

    @property
    def copy(self) -> Path:
        """Where the code package is extracted to."""
        return self.root / "code"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def datastore(self) -> Path:
        return self.root / "datastore"

    @property
    def observed(self) -> Path:
        return self.root / "observed"

    def create(self) -> Place:
        """Empty folders; what a worker that was killed has left is removed."""
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in (self.copy, self.home, self.datastore, self.observed):
            folder.mkdir(parents=True)
        return self


def flow_environment(
    flow: str, *, place: Place, built: BuiltEnvironment, hash_seed: int
) -> dict[str, str]:
    """What a flow sees of the outside: an allowlist, and folders of its own.

    Nothing of the user's METAFLOW_*, PYTHON*, PIP_* or UV_* is in it.
    """
    extra = {
        "HOME": str(place.home),
        "USERNAME": "flowrepro",
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": str(EXTENSION),
        "PYTHONPYCACHEPREFIX": str(built.bytecode),
        "VIRTUAL_ENV": str(built.path),
        "METAFLOW_HOME": str(place.home / ".metaflowconfig"),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(place.datastore),
        "METAFLOW_USER": "flowrepro",
        "FLOWREPRO_FLOW": flow,
        "FLOWREPRO_OBSERVED": str(place.observed),
    }
    isolated = isolated_environment(extra)
    isolated["PATH"] = f"{built.python.parent}{os.pathsep}{isolated.get('PATH', os.defpath)}"
    return isolated


def parameter_arguments(parameters: Mapping[str, Json]) -> list[str]:
    """Parameters as Metaflow's command line takes them: `--alpha=0.1`; lists and dicts as JSON."""
    arguments = []
    for name, value in parameters.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if isinstance(value, bool):
            text = str(value)
        arguments.append(f"--{name}={text}")
    return arguments


def rerun_flow(
    flow: str,
    flow_file: Path,
    *,
    built: BuiltEnvironment,
    place: Place,
    parameters: Mapping[str, Json],
    hash_seed: int,
    timeout: float,
    on_line: Callable[[str], None] | None = None,
) -> Run:
    """Run `flow_file`, which stands in `place.copy`, from its own folder.

    A flow that fails or is stopped after `timeout` seconds is a `Run` that is not `ok`;
    `RerunError` is raised only where Python could not be started.
    """
    run_id_file = place.root / "run-id"
    command: list[str | Path] = [
        built.python,
        flow_file.name,
        "--no-pylint",
        "run",
        "--with=flowrepro_observe",
        f"--run-id-file={run_id_file}",
        f"--max-workers={os.cpu_count() or 2}",
        *parameter_arguments(parameters),
    ]
    environment = flow_environment(flow, place=place, built=built, hash_seed=hash_seed)
    try:
        completed = run_process(
            command,
            env=environment,
            cwd=flow_file.parent,
            timeout=timeout,
            limit=OUTPUT_LIMIT,
            on_line=on_line,
        )
    except CommandNotFoundError as error:
        raise RerunError(
            f"{flow} could not be started: {error}",
            hint="run again; if it persists, remove the environment's folder that is named here",
        ) from error
    return Run(
        flow=flow,
        run_id=run_id_file.read_text().strip() if run_id_file.exists() else None,
        datastore=place.datastore,
        observed=place.observed,
        returncode=completed.returncode,
        timed_out=completed.timed_out,
        output=_both(completed),
        seconds=completed.seconds,
    )


def start_hint(run: Run) -> str:
    """What to do about a run that never started, from what Metaflow's command line said."""
    if match := _MISSING.search(run.output):
        return (
            f"give the parameter a value in pyproject.toml:\n\n"
            f"    [tool.flowrepro.flow.{run.flow}]\n"
            f"    parameters = {{ {match['name']} = ... }}\n"
        )
    if match := _UNKNOWN.search(run.output):
        return (
            f"correct `{match['name']}` in tool.flowrepro.flow.{run.flow}.parameters: it takes the "
            "names that Metaflow's command line gives them"
        )
    return "run the flow by hand, `python FILE run`, and mend what it says"


def _both(completed: Completed) -> str:
    # Metaflow's own words go to stderr, the tasks' lines, each with its task, to stdout.
    return completed.stderr.rstrip() + "\n" + completed.stdout
