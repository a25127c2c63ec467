"""What a rerun left in its datastore, as values: no pickle is loaded in this process.

The flow's own interpreter reads the datastore (`_in_venv/capture.py`) and writes JSON
(capture_result.py).
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.capture_result import UNREAD_HINT, order_of, read_capture
from pytest_flowrepro.errors import CaptureError
from pytest_flowrepro.known import FULL_VALUES, NOTHING_KNOWN, Known
from pytest_flowrepro.model import Artifact, Capture, Run
from pytest_flowrepro.process import CommandNotFoundError, run_process
from pytest_flowrepro.redact import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_flowrepro.redact import Redaction

SCRIPT = Path(__file__).parent / "_in_venv" / "capture.py"

VALUE_LIMIT = 4_000
"""Characters of JSON that the readable form of one artifact is cut to, about."""
VALUE_ROOM = 20_000_000
"""Characters for all of them: where there are more than 5,000 artifacts, each gets less."""
LOG_LIMIT = 100_000
"""Characters of one task's stdout, and of its stderr."""
ARTIFACT_TIMEOUT = 60.0
"""Seconds to load one artifact; one that takes longer is known by its bytes only."""


def capture(
    run: Run,
    *,
    python: Path,
    flow_file: Path,
    cwd: Path,
    env: Mapping[str, str],
    workspace: Path,
    steps: tuple[str, ...],
    timeout: float,
    pythons: Mapping[str, Path] = MappingProxyType({}),
    encoders: Path | None = None,
    limit: int = 0,
    whole: tuple[str, ...] = (),
    known: Known = NOTHING_KNOWN,
    script: Path = SCRIPT,
    redaction: Redaction = NOTHING,
) -> Capture:
    """The parameters, the tasks' own artifacts and the logs of a run, failed or not.

    `python` is the flow's interpreter, `pythons` has those of the steps that ran under another,
    and `flow_file` is the file that it ran; `steps` gives the order of the tasks, a step that is
    not among them comes last. `encoders` is the project's own file of them. Values of up to `limit`
    bytes, and those of artifacts that a glob of `whole` (over `step.artifact`) matches, are written
    to files below `workspace`, where their readable form does not hold all of them. `known` is what
    a check compares with: what is stored there is stored here as well, and what is as it was is
    neither loaded nor stored again.

    Raises `CaptureError` when the run never began, when the file of encoders cannot be used, and
    when the datastore cannot be read within `timeout` seconds by each interpreter.
    """
    if run.run_id is None:
        raise CaptureError(
            f"{flow_file.name}: the run of {run.flow} never began, so it left no artifacts",
            hint="see what Metaflow said",
            detail=run.output[-2000:],
        )
    values = workspace / "values"
    values.mkdir(exist_ok=True)
    asked = {
        "flow": run.flow,
        "run_id": run.run_id,
        "datastore": str(run.datastore),
        "observed": str(run.observed),
        "flow_file": str(flow_file),
        "value_limit": VALUE_LIMIT,
        "value_room": VALUE_ROOM,
        "values": str(values),
        "full": FULL_VALUES,
        "limit": limit,
        "whole": [*whole, *known.stored()],
        "have": sorted(known.digests),
        "log_limit": LOG_LIMIT,
        "seconds": min(ARTIFACT_TIMEOUT, timeout / 3),
        "encoders": encoders and str(encoders),
    }
    found = []
    for reader, about in _readers(python, pythons, known):
        result = _result(
            {**asked, **about},
            script=script,
            python=reader,
            cwd=cwd,
            env=env,
            workspace=workspace,
            timeout=timeout,
            redaction=redaction,
        )
        found.append(
            read_capture(result, steps=steps, values=values, encoders=encoders, redaction=redaction)
        )
    return _with_files(_redacted(_merged(found, steps=steps), redaction), known)


def _readers(
    python: Path, pythons: Mapping[str, Path], known: Known
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each interpreter, and what it is asked of its steps."""
    base = {task.step for task in known.tasks} - set(pythons)
    yield python, {"steps": None, "but": list(pythons), "known": known.settles(base)}
    for own in dict.fromkeys(pythons.values()):
        theirs = [step for step in pythons if pythons[step] == own]
        yield own, {"steps": theirs, "but": [], "known": known.settles(theirs)}


def _result(
    asked: Mapping[str, Any],
    *,
    script: Path,
    python: Path,
    cwd: Path,
    env: Mapping[str, str],
    workspace: Path,
    timeout: float,
    redaction: Redaction,
) -> Path:
    """The file that the script wrote, run by one interpreter."""
    request, result = workspace / "capture-request.json", workspace / "capture-result.json"
    result.unlink(missing_ok=True)
    request.write_text(json.dumps(asked), encoding="utf-8")
    flow = asked["flow"]
    try:
        # Unpickling and pickling a set again keeps its order under one hash seed only.
        completed = run_process(
            [python, "-B", script, request, result],
            env={**env, "PYTHONHASHSEED": "0"},
            cwd=cwd,
            timeout=timeout,
        )
    except CommandNotFoundError as error:
        raise CaptureError(
            f"the artifacts of {flow} could not be read: {error}",
            hint="run again; if it persists, remove the environment's folder that is named here",
        ) from error
    if not completed.ok or not result.exists():
        raise CaptureError(
            f"the artifacts of {flow} could not be read: {completed.ending}",
            hint=f"see its last words; {UNREAD_HINT}",
            detail=redaction.text(completed.stderr)[-4000:],
        )
    return result


def _merged(found: Sequence[Capture], *, steps: tuple[str, ...]) -> Capture:
    """What several interpreters read, each of its own steps; the first has the parameters."""
    place = order_of(steps)
    return Capture(
        parameters=found[0].parameters,
        tasks=tuple(sorted((task for one in found for task in one.tasks), key=place)),
        logs=tuple(sorted((log for one in found for log in one.logs), key=place)),
        # Met by any of the interpreters: dict() keeps the last of equal keys, and True sorts last.
        encoders=tuple(dict(sorted(met for one in found for met in one.encoders)).items()),
    )


def _with_files(found: Capture, known: Known) -> Capture:
    """With the files of a baseline, where the value is that of the baseline."""

    def filed(artifact: Artifact) -> Artifact:
        file = known.files.get(artifact.digest)
        return artifact if file is None else replace(artifact, stored=file)

    return _each(found, filed) if known.files else found


def _each(found: Capture, change: Callable[[Artifact], Artifact]) -> Capture:
    return replace(
        found,
        parameters=tuple(map(change, found.parameters)),
        tasks=tuple(
            replace(task, artifacts=tuple(map(change, task.artifacts))) for task in found.tasks
        ),
    )


def _redacted(found: Capture, redaction: Redaction) -> Capture:
    def hidden(artifact: Artifact) -> Artifact:
        shown = replace(artifact, value=redaction.json(artifact.value))
        return replace(shown, stored=None) if _reveals(artifact.stored, redaction) else shown

    logs = tuple(
        replace(log, stdout=redaction.text(log.stdout), stderr=redaction.text(log.stderr))
        for log in found.logs
    )
    return replace(_each(found, hidden), logs=logs) if redaction.values else found


def _reveals(file: Path | None, redaction: Redaction) -> bool:
    """Whether a stored value holds what must not be written: it cannot be hidden inside of it."""
    if file is None:
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    if redaction.occurs_in(member):
                        return True
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return True  # the flow's code has been at it
    return False
