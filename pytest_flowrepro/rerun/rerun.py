"""The rerun of a flow by real Metaflow, in its own working directory, on a local datastore."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_flowrepro.model import Run
from pytest_flowrepro.rerun.numeric_pins import NO_PINS, Pins
from pytest_flowrepro.support.ending import Ending
from pytest_flowrepro.support.errors import RerunError
from pytest_flowrepro.support.in_venv import IN_VENV
from pytest_flowrepro.support.process import (
    CommandNotFoundError,
    Completed,
    isolated_environment,
    run_process,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_flowrepro.model import FlowEnvironments, FlowProcess, FlowSource
    from pytest_flowrepro.support.strict_json import Json

EXTENSION = IN_VENV / "metaflow_path"
"""The folder of our extension: on PYTHONPATH, never installed, so that the environment's manifest
stays that of its lock."""

_WARM, _WARM_CLIENT = (IN_VENV / name for name in ("warm.py", "warm_client.py"))
_ROOM = 4000
"""Number of characters reserved for the command line of a fork."""

USER = "flowrepro"
"""The user's name for Metaflow: the same on every machine, as @project and namespaces use it."""

OUTPUT_LIMIT = 200_000

_UMASK = 0o022
"""The umask of a flow, and so the modes of its files: the same on every machine."""

MAX_SPLITS = 1_000_000
"""Maximum number of tasks of one foreach; Metaflow's default of 100 is often raised at the start
of a flow."""

_LONGEST = 150
"""Maximum number of characters of a command line in a report."""

# metaflow/runtime.py CLIArgs: python -u FILE OPTIONS step NAME --run-id ID ...
_TASK = re.compile(r"--quiet .*step (?P<step>[A-Za-z_]\w*) --run-id ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The folders of one rerun, all below one root."""

    root: Path
    state: Path | None = None
    """The root of the rerun whose HOME, TMPDIR and datastore this one shares; None: its own."""
    temporary: Path | None = None
    """The parent of TMPDIR; None: the root."""
    project: Path | None = None
    """The folder that the project's own packages are imported from; None: the copy."""

    @property
    def copy(self) -> Path:
        """The folder that the code package is extracted to."""
        return self.root / "code"

    @property
    def home(self) -> Path:
        return (self.state or self.root) / "home"

    @property
    def datastore(self) -> Path:
        return (self.state or self.root) / "datastore"

    @property
    def tmp(self) -> Path:
        """TMPDIR, with a short path: that of a socket in it is limited to 107 bytes."""
        owner = self.state or self.root
        if self.temporary is None:
            return owner / "tmp"
        return self.temporary / hashlib.sha256(os.fsencode(owner)).hexdigest()[:8]

    @property
    def socket(self) -> Path:
        """The socket of the process that forks tasks; next to TMPDIR, with a path as short."""
        if self.temporary is None:
            return self.root / "warm"
        return self.temporary / hashlib.sha256(os.fsencode(self.root)).hexdigest()[8:16]

    @property
    def observed(self) -> Path:
        return self.root / "observed"

    @property
    def ended_well(self) -> Path:
        """A file that exists if the flow has succeeded and a script follows, with its output."""
        return self.root / "ended-well"

    @property
    def run_id(self) -> Path:
        """The file with the id of the run, once it has begun."""
        return self.root / "run-id"

    @property
    def metadata(self) -> Path:
        """The folder of the metadata of the repository's own packages."""
        return self.root / "metadata"

    @property
    def bytecode(self) -> Path:
        """PYTHONPYCACHEPREFIX: no bytecode is written next to sources, above all the user's."""
        return self.root / "pycache"

    def create(self) -> Place:
        """Create the folders, empty; leftovers of a killed worker are removed, shared state not."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self.state is None:
            shutil.rmtree(self.tmp, ignore_errors=True)
        folders = (self.copy, self.home, self.datastore, self.observed, self.bytecode, self.tmp)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        return self


def flow_environment(
    flow: FlowSource,
    place: Place,
    environments: FlowEnvironments,
    *,
    hash_seed: int = 0,
    configured: Mapping[str, str] = MappingProxyType({}),
    pins: Pins = NO_PINS,
) -> dict[str, str]:
    """Return a flow's environment variables: an allowlist, its own folders, and `configured`.

    Variables that are `configured` take precedence over `pins`. The user's METAFLOW_*, PYTHON*,
    PIP_* and UV_* are not in it.
    """
    built = environments.base
    local = [str((place.project or place.copy) / package.path) for package in built.local]
    local += [str(place.metadata)] if local else []
    path = (str(EXTENSION), configured.get("PYTHONPATH"), *dict.fromkeys(local))
    extra = {
        "TMPDIR": str(place.tmp),
        **pins.base,
        **configured,
        "HOME": str(place.home),
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONPYCACHEPREFIX": str(place.bytecode),
        "VIRTUAL_ENV": str(built.path),
        "METAFLOW_HOME": str(place.home / ".metaflowconfig"),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(place.datastore),
        "FLOWREPRO_FLOW": flow.name,
        "FLOWREPRO_FILE": str(flow.file),
        "FLOWREPRO_COPY": str(place.copy),
        "FLOWREPRO_OBSERVED": str(place.observed),
        "FLOWREPRO_LOCAL": json.dumps(local),
        "FLOWREPRO_PYTHONS": json.dumps(environments.pythons, default=str),
        "FLOWREPRO_PINS": json.dumps(pins.of_steps(configured)),
    }
    # The variables that Metaflow (metaflow/util.py get_username) and getpass.getuser() read.
    user = dict.fromkeys(("LOGNAME", "METAFLOW_USER", "USER", "USERNAME"), USER)
    isolated = isolated_environment({**user, **extra})
    isolated["PATH"] = f"{built.python.parent}{os.pathsep}{isolated.get('PATH', os.defpath)}"
    return isolated


def config_arguments(configs: Mapping[str, Json]) -> list[str]:
    """Return configs as Metaflow's command line takes them, before the command.

    A string names a file, relative to the folder that the flow is started in. `{"value": ...}` has
    a value: a text is passed as it is, for a plain config or a parser, and all else as JSON.
    """
    arguments = []
    for name, config in configs.items():
        match config:
            case {"value": str() as text}:
                arguments += ["--config-value", name, text]
            case {"value": value}:
                arguments += ["--config-value", name, json.dumps(value)]
            case _:
                arguments += ["--config", name, str(config)]
    return arguments


def parameter_arguments(parameters: Mapping[str, Json]) -> list[str]:
    """Return parameters for Metaflow's command line: `--alpha=0.1`; lists and dicts as JSON."""
    arguments = []
    for name, value in parameters.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if isinstance(value, bool):
            text = str(value)
        arguments.append(f"--{name}={text}")
    return arguments


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """The settings of a run of a flow by Metaflow."""

    max_workers: int
    configs: Mapping[str, Json] = field(default_factory=dict)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    warm: bool = True
    """If possible, its processes are forks of one that has imported Metaflow."""


def rerun_flow(
    process: FlowProcess, place: Place, options: RunOptions, then: Sequence[Path] = ()
) -> Run:
    """Run the file of `process`, which is in `place.copy`, under `flow_environment`.

    If `options.warm`, one more fork runs `then`, a script and its arguments, when the flow has
    succeeded; only the files that the script leaves show whether it succeeded. A flow that fails or
    is stopped after `process.timeout` seconds is a `Run` that is not `ok`; `RerunError` is raised
    only if Python could not be started.
    """
    flow, redaction = process.flow, process.redaction
    plain: list[str | Path] = [
        process.python,
        os.path.relpath(flow.file, process.cwd),
        "--no-pylint",
        *config_arguments(options.configs),
        "run",
        "--with=flowrepro_observe",
        f"--run-id-file={place.run_id}",
        f"--max-workers={options.max_workers}",
        f"--max-num-splits={MAX_SPLITS}",
        *parameter_arguments(options.parameters),
    ]
    command = _warm(plain, place, then) if options.warm else plain
    try:
        completed = run_process(
            command,
            env=process.env,
            cwd=process.cwd,
            timeout=process.timeout,
            limit=OUTPUT_LIMIT,
            umask=_UMASK,
        )
    except CommandNotFoundError as error:
        raise RerunError(
            f"{flow.name} could not be started: {error}",
            hint="run again; if it persists, remove the environment's folder that is named here",
        ) from error
    if completed.ending.timed_out and place.ended_well.exists():  # what came after it did not end
        completed = replace(completed, ending=Ending(), ended=())
    return Run(
        flow=flow.name,
        run_id=place.run_id.read_text().strip() if place.run_id.exists() else None,
        datastore=place.datastore,
        observed=place.observed,
        ending=completed.ending,
        output=redaction.text(_both(completed)),
        seconds=completed.seconds,
        ended=tuple(
            _shorten_command(redaction.text(line)) for line in _of_the_flow(completed, plain)
        ),
    )


def _warm(plain: Sequence[str | Path], place: Place, then: Sequence[Path]) -> list[str | Path]:
    python, *arguments = plain
    last: list[str | Path] = ["--then", str(len(then)), place.ended_well, *then] if then else []
    return [python, "-u", _WARM, *last, place.socket, *arguments, " " * _ROOM]


def _of_the_flow(completed: Completed, plain: Sequence[str | Path]) -> Iterator[str]:
    """Yield the command lines of processes that a flow left, except those of the rerun itself."""
    # If the flow was stopped, the first is the command itself.
    ended = completed.ended[completed.ending.timed_out :]
    scheduler = " ".join(os.fspath(argument) for argument in plain)
    for line in ended:
        if line != scheduler and str(_WARM) not in line and str(_WARM_CLIENT) not in line:
            yield line


def _shorten_command(command: str) -> str:
    """Shorten a command line for a report: a task of Metaflow to its step, others by length."""
    if task := _TASK.search(command):
        return f"the task of step {task['step']}"
    return command if len(command) <= _LONGEST else f"{command[:_LONGEST]}..."


def _both(completed: Completed) -> str:
    # Metaflow's own messages go to stderr, the lines of tasks, with a prefix each, to stdout.
    return completed.stderr.rstrip() + "\n" + completed.stdout
