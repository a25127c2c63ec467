"""What a rerun left in its datastore, as values: no pickle is loaded in this process.

The flow's own interpreter reads the datastore (`_in_venv/capture.py`) and writes JSON. User code
ran in that process, so its answer is checked like any other input.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_flowrepro.errors import CaptureError
from pytest_flowrepro.known import FULL_VALUES, NOTHING_KNOWN, Known, value_file
from pytest_flowrepro.model import Artifact, Capture, Json, Run, Task, TaskLog
from pytest_flowrepro.process import CommandNotFoundError, run_process
from pytest_flowrepro.redact import NOTHING
from pytest_flowrepro.strict_json import StrictJsonError, parse_json

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
RESULT_LIMIT = 512_000_000
"""Bytes of JSON that one run may come to; a foreach of 10,000 tasks is far below."""
ARTIFACT_TIMEOUT = 60.0
"""Seconds to load one artifact; one that takes longer is known by its pickle only."""

_HINT = (
    "where the disk is full, free some space or choose another folder with `--basetemp` or TMPDIR; "
    "an artifact that takes minutes to load does not suit a check"
)

_T = TypeVar("_T")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


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
            hint=f"see its last words; {_HINT}",
            detail=redaction.text(completed.stderr)[-4000:],
        )
    return result


def _merged(found: Sequence[Capture], *, steps: tuple[str, ...]) -> Capture:
    """What several interpreters read, each of its own steps; the first has the parameters."""
    place = _order(steps)
    return Capture(
        parameters=found[0].parameters,
        tasks=tuple(sorted((task for one in found for task in one.tasks), key=place)),
        logs=tuple(sorted((log for one in found for log in one.logs), key=place)),
        # Met by any of the interpreters: dict() keeps the last of equal keys, and True sorts last.
        encoders=tuple(dict(sorted(met for one in found for met in one.encoders)).items()),
    )


def _order(steps: tuple[str, ...]) -> Callable[[Task | TaskLog], tuple[int, str, tuple[int, ...]]]:
    order = {step: position for position, step in enumerate(steps)}
    return lambda item: (order.get(item.step, len(order)), item.step, item.index)


def read_capture(
    file: Path,
    *,
    steps: tuple[str, ...],
    values: Path,
    encoders: Path | None = None,
    redaction: Redaction = NOTHING,
) -> Capture:
    """The capture that the script wrote, line by line: the text of all of it is never in memory.

    `values` is the folder of the values that it stored whole. Raises `CaptureError` with the place
    in the file, or that in the file of `encoders`.
    """
    if file.stat().st_size > RESULT_LIMIT:
        raise CaptureError(
            f"{file}: more than {RESULT_LIMIT:,} bytes of artifacts and logs",
            hint="let the flow set fewer artifacts, or split it",
        )
    parameters: list[tuple[Artifact, ...]] = []
    tasks: list[Task] = []
    logs: list[TaskLog] = []
    used: list[tuple[str, bool]] = []
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                match _entry(line, f"line {number}"):
                    case "parameters", found, at:
                        parameters.append(_artifacts(found, at, values))
                    case "task", found, at:
                        tasks.append(_task(found, at, values))
                    case "encoders", found, at:
                        met = _a(dict, found, at)
                        used += [(name, _a(bool, one, f"{at}.{name}")) for name, one in met.items()]
                    case "broken", found, at:
                        raise _broken_encoders(encoders, found, at, redaction)
                    case "stopped", found, at:
                        said = redaction.text(_a(str, found, at))
                        raise CaptureError(f"the artifacts could not be read: {said}", hint=_HINT)
                    case _, found, at:
                        logs.append(_log(found, at))
        of_the_run = _only(parameters)
    except (_MalformedError, StrictJsonError, UnicodeDecodeError) as error:
        raise CaptureError(
            f"{file}: not what reading the datastore gives: {error}",
            hint="look for code of the flow that writes there while its artifacts are loaded",
        ) from error
    place = _order(steps)
    return Capture(
        parameters=of_the_run,
        tasks=tuple(sorted(tasks, key=place)),
        logs=tuple(sorted(logs, key=place)),
        encoders=tuple(used),
    )


def _broken_encoders(
    file: Path | None, found: Json, at: str, redaction: Redaction
) -> CaptureError | _MalformedError:
    if file is None:
        return _MalformedError(at, "no word of encoders")
    fields = _fields(found, "line", "reason", at=at)
    line = "" if fields["line"] is None else f":{_a(int, fields['line'], f'{at}.line')}"
    reason = redaction.text(_a(str, fields["reason"], f"{at}.reason"))
    return CaptureError(
        f"{file.name}{line}: the encoders cannot be used: {reason}",
        hint="correct the file, which the setting `encoders` names; what only some steps' "
        "environments have is best imported inside the encoder",
    )


def _only(found: list[tuple[Artifact, ...]]) -> tuple[Artifact, ...]:
    if len(found) != 1:
        raise _MalformedError("", "one line of parameters")
    return found[0]


_ENTRIES = {"parameters", "task", "log", "encoders", "broken", "stopped"}


def _entry(line: str, at: str) -> tuple[str, Json, str]:
    """What a line is of, the value, and its place."""
    try:
        fields = _a(dict, parse_json(line), at)
    except StrictJsonError as error:
        raise _MalformedError(at, f"JSON: {error.reason}") from error
    if len(fields) != 1 or not fields.keys() <= _ENTRIES:
        raise _MalformedError(at, "one of the keys parameters, task, log, encoders")
    ((name, found),) = fields.items()
    return name, found, f"{at}: {name}"


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


class _MalformedError(Exception):
    def __init__(self, at: str, expected: str) -> None:
        super().__init__(f"{at or 'the file'}: expected {expected}")


def _task(item: Json, at: str, values: Path) -> Task:
    fields = _fields(item, "step", "index", "artifacts", at=at)
    return Task(
        step=_a(str, fields["step"], f"{at}.step"),
        index=_index(fields["index"], f"{at}.index"),
        artifacts=_artifacts(fields["artifacts"], f"{at}.artifacts", values),
    )


_NOTED = ("written", "modules", "sources")


def _log(item: Json, at: str) -> TaskLog:
    names = ("step", "index", "ok", "attempts", *_NOTED, "stdout", "stderr")
    fields = _fields(item, *names, at=at)
    noted = {name: _items(fields[name], f"{at}.{name}") for name in _NOTED}
    return TaskLog(
        step=_a(str, fields["step"], f"{at}.step"),
        index=_index(fields["index"], f"{at}.index"),
        ok=_a(bool, fields["ok"], f"{at}.ok"),
        attempts=_a(int, fields["attempts"], f"{at}.attempts"),
        stdout=_a(str, fields["stdout"], f"{at}.stdout"),
        stderr=_a(str, fields["stderr"], f"{at}.stderr"),
        **{name: tuple(_a(str, one, place) for one, place in noted[name]) for name in _NOTED},
    )


def _artifacts(found: Json, at: str, values: Path) -> tuple[Artifact, ...]:
    artifacts = [_artifact(item, place, values) for item, place in _items(found, at)]
    return tuple(sorted(artifacts, key=lambda artifact: artifact.name))


def _artifact(item: Json, at: str, values: Path) -> Artifact:
    names = ("name", "type", "digest", "value", "opaque")
    fields = _fields(item, *names, at=at, optional=("structure", "sha", "stored"))
    digest = _a(str, fields["digest"], f"{at}.digest")
    if not _DIGEST.fullmatch(digest):
        raise _MalformedError(f"{at}.digest", "sha256: and 64 hexadecimal digits")
    is_stored = _a(bool, fields.get("stored", False), f"{at}.stored")
    return Artifact(
        name=_a(str, fields["name"], f"{at}.name"),
        type=sys.intern(_a(str, fields["type"], f"{at}.type")),
        digest=digest,
        value=fields["value"],
        opaque=_a(bool, fields["opaque"], f"{at}.opaque"),
        structure=_text(fields, "structure", at),
        sha=_text(fields, "sha", at),
        stored=values / value_file(digest) if is_stored else None,
    )


def _text(fields: dict[str, Any], name: str, at: str) -> str | None:
    return _a(str, fields[name], f"{at}.{name}") if name in fields else None


def _index(found: Json, at: str) -> tuple[int, ...]:
    return tuple(_a(int, item, place) for item, place in _items(found, at))


def _items(found: Json, at: str) -> list[tuple[Json, str]]:
    items = _a(list, found, at)
    return [(item, f"{at}[{position}]") for position, item in enumerate(items)]


def _fields(found: Json, *names: str, at: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    fields = _a(dict, found, at)
    if fields.keys() - set(optional) != set(names):
        raise _MalformedError(at, f"the keys {', '.join(names)}")
    return fields


def _a(type_: type[_T], found: Json, at: str) -> _T:
    if not isinstance(found, type_) or (type_ is int and isinstance(found, bool)):
        raise _MalformedError(at, f"a {type_.__name__}")
    return found
