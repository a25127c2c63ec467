"""The contents of a rerun's datastore as values: no pickle is loaded in this process.

The flow's own interpreter reads the datastore (`in_venv/capture.py`) and writes JSON (result.py).
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.capture.baseline_values import NOTHING_KNOWN, Known
from pytest_flowrepro.capture.card_pages import with_pages, without_pages
from pytest_flowrepro.capture.result import UNREAD_HINT, order_of, read_capture
from pytest_flowrepro.model import FULL_VALUES, PARAMETERS, Artifact, Capture, Run
from pytest_flowrepro.support.errors import CaptureError
from pytest_flowrepro.support.in_venv import IN_VENV
from pytest_flowrepro.support.process import CommandNotFoundError, run_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_flowrepro.model import FlowProcess
    from pytest_flowrepro.support.redaction import Redaction

SCRIPT = IN_VENV / "capture.py"

VALUE_LIMIT = 4_000
"""Approximate maximum of JSON characters in the readable form of one artifact."""
VALUE_ROOM = 20_000_000
"""Characters for all artifacts: if there are more than 5,000, each gets less."""
PICTURES = 1_000_000
"""Bytes of the pictures of one flow; those of later tasks are left out."""
LOG_LIMIT = 100_000
"""Maximum number of characters of one task's stdout, and of its stderr."""
ARTIFACT_TIMEOUT = 60.0
"""Seconds to load one artifact; one that takes longer is compared by its bytes only."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A request to read a run: its place, its interpreters, and the extent of the answer."""

    process: FlowProcess
    """The process of the flow; its interpreter gets `timeout` seconds, not those of the process."""
    datastore: Path
    observed: Path
    pythons: Mapping[str, Path] = field(default_factory=dict)
    """The interpreters of the steps that ran under another one."""
    workspace: Path
    """The folder that values and answers are written below."""
    steps: tuple[str, ...]
    """The order of the tasks in the answer; a step that is not among these comes last."""
    timeout: float
    """Seconds for each interpreter."""
    encoders: Path | None = None
    """The project's own file of encoders."""
    limit: int = 0
    """Maximum number of bytes of a value that is written to a file if its readable form is cut."""
    whole: tuple[str, ...] = ()
    """Globs over `step.artifact`: these values are written to files, of any size."""
    cards: bool = False
    """Return the pages of cards."""
    known: Known = NOTHING_KNOWN
    """The baseline of a check: values that it stores are stored here as well, and unchanged ones
    are neither loaded nor stored again."""
    is_ignored: Callable[[str, str], bool] = lambda _step, _name: False
    """Return whether the artifact of a step is not compared; then no picture of it is kept."""
    script: Path = SCRIPT

    @property
    def values(self) -> Path:
        return self.workspace / "values"

    @property
    def request(self) -> Path:
        return self.workspace / "capture-request.json"

    @property
    def result(self) -> Path:
        return self.workspace / "capture-result.json"

    def ahead(self, run_id_file: Path) -> tuple[Path, ...]:
        """Write the request before the run, and return the script and its arguments.

        To run these at the end of the run, under PYTHONHASHSEED=0, saves `capture` the start of an
        interpreter.
        """
        _, about = next(self.readers())
        self.write_request({**self.asked(run_id=None), **about})
        return (self.script, self.request, self.result, run_id_file)

    def asked(self, run_id: str | None) -> dict[str, Any]:
        """Return the request to every interpreter; `run_id` is None if a file will have it."""
        return {
            "flow": self.process.flow.name,
            "run_id": run_id,
            "datastore": str(self.datastore),
            "observed": str(self.observed),
            "flow_file": str(self.process.flow.file),
            "value_limit": VALUE_LIMIT,
            "value_room": VALUE_ROOM,
            "values": str(self.values),
            "full": FULL_VALUES,
            "limit": self.limit,
            "whole": [*self.whole, *self.known.stored()],
            "have": sorted(self.known.digests),
            "log_limit": LOG_LIMIT,
            "seconds": min(ARTIFACT_TIMEOUT, self.timeout / 3),
            "encoders": self.encoders and str(self.encoders),
        }

    def readers(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each interpreter and the part of the request about its steps, the flow's first."""
        python_of = dict(self.pythons)
        base = {task.step for task in self.known.tasks} - set(python_of)
        known = self.known.unchanged_values(base)
        yield self.process.python, {"steps": None, "but": list(python_of), "known": known}
        for python in dict.fromkeys(python_of.values()):
            steps = [step for step in python_of if python_of[step] == python]
            known = self.known.unchanged_values(steps)
            yield python, {"steps": steps, "but": [], "known": known}

    def write_request(self, content: Mapping[str, Any]) -> None:
        self.values.mkdir(exist_ok=True)
        self.result.unlink(missing_ok=True)
        self.request.write_text(json.dumps(content), encoding="utf-8")

    def is_answered(self, content: Mapping[str, Any]) -> bool:
        """Return whether the answer to this request exists already."""
        return self.result.exists() and self.request.read_text("utf-8") == json.dumps(content)


def capture(run: Run, reading: Reading) -> Capture:
    """Return parameters, the tasks' own artifacts and the logs of a run, also of a failed one.

    Raises `CaptureError` when the run never began, when the file of encoders cannot be used, and
    when the datastore cannot be read in time.
    """
    if run.run_id is None:
        raise CaptureError(
            f"{reading.process.flow.file.name}: the run of {run.flow} never began, so it left no "
            "artifacts",
            hint="see Metaflow's output above",
            detail=run.output[-2000:],
        )
    redaction = reading.process.redaction
    captures = []
    for python, about in reading.readers():
        if not reading.is_answered({**reading.asked(run_id=None), **about}):
            _run_script(reading, {**reading.asked(run.run_id), **about}, python)
        captures.append(
            read_capture(
                reading.result,
                steps=reading.steps,
                values=reading.values,
                encoders=reading.encoders,
                redaction=redaction,
            )
        )
    captured = _redact(_merge(captures, steps=reading.steps), redaction)
    captured = _with_files(_with_cards(captured, reading), reading.known)
    return _with_few_pictures(captured, reading.is_ignored)


def _run_script(reading: Reading, content: Mapping[str, Any], python: Path) -> None:
    """Let one interpreter write the answer."""
    reading.write_request(content)
    process = reading.process
    try:
        # Unpickling and pickling a set again keeps its order only under the same hash seed.
        completed = run_process(
            [python, reading.script, reading.request, reading.result],
            env={**process.env, "PYTHONHASHSEED": "0"},
            cwd=process.cwd,
            timeout=reading.timeout,
        )
    except CommandNotFoundError as error:
        raise CaptureError(
            f"The artifacts of {process.flow.name} could not be read: {error}",
            hint="run again; if it persists, remove the environment's folder that is named here",
        ) from error
    if not completed.ok or not reading.result.exists():
        raise CaptureError(
            f"The artifacts of {process.flow.name} could not be read: {completed.ending}",
            hint=f"see the end of its stderr above; {UNREAD_HINT}",
            detail=process.redaction.text(completed.stderr)[-4000:],
        )


def _merge(captures: Sequence[Capture], *, steps: tuple[str, ...]) -> Capture:
    """Merge the answers of several interpreters; the first one has the parameters."""
    place = order_of(steps)
    # Used in any interpreter: dict() keeps the last of equal keys, and True sorts last.
    encoders = dict(sorted(used for captured in captures for used in captured.encoders))
    return Capture(
        parameters=captures[0].parameters,
        tasks=tuple(sorted((task for captured in captures for task in captured.tasks), key=place)),
        logs=tuple(sorted((log for captured in captures for log in captured.logs), key=place)),
        encoders=tuple(encoders.items()),
        cards=tuple(sorted((card for captured in captures for card in captured.cards), key=place)),
    )


def _with_cards(captured: Capture, reading: Reading) -> Capture:
    if not reading.cards:
        return replace(captured, cards=without_pages(captured.cards))
    folder, redaction = reading.workspace / "cards", reading.process.redaction
    cards = with_pages(
        captured.cards, datastore=reading.datastore, copies=folder, redaction=redaction
    )
    return replace(captured, cards=cards)


def _with_files(captured: Capture, known: Known) -> Capture:
    """Refer to the files of the baseline for values that equal those of the baseline."""

    def with_files(artifact: Artifact) -> Artifact:
        files = known.files.get(artifact.digest)
        return artifact if files is None else replace(artifact, stored=files[0], picture=files[1])

    return _each(captured, with_files) if known.files else captured


def _with_few_pictures(captured: Capture, is_ignored: Callable[[str, str], bool]) -> Capture:
    """Leave out the pictures of ignored artifacts, and those after the first `PICTURES` bytes."""
    fits: dict[str, bool] = {}
    room = PICTURES

    def limited(step: str, artifact: Artifact) -> Artifact:
        nonlocal room
        if artifact.picture is None:
            return artifact
        if is_ignored(step, artifact.name) or not artifact.picture.is_file():  # the flow removed it
            return replace(artifact, picture=None)
        if artifact.digest not in fits:
            room -= artifact.picture.stat().st_size
            fits[artifact.digest] = room >= 0
        return artifact if fits[artifact.digest] else replace(artifact, picture=None)

    def of_step(step: str, artifacts: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
        return tuple(limited(step, artifact) for artifact in artifacts)

    return replace(
        captured,
        parameters=of_step(PARAMETERS, captured.parameters),
        tasks=tuple(
            replace(task, artifacts=of_step(task.step, task.artifacts)) for task in captured.tasks
        ),
    )


def _each(captured: Capture, change: Callable[[Artifact], Artifact]) -> Capture:
    return replace(
        captured,
        parameters=tuple(map(change, captured.parameters)),
        tasks=tuple(
            replace(task, artifacts=tuple(map(change, task.artifacts))) for task in captured.tasks
        ),
    )


def _redact(captured: Capture, redaction: Redaction) -> Capture:
    def redact(artifact: Artifact) -> Artifact:
        redacted = replace(artifact, value=redaction.json(artifact.value))
        return replace(redacted, stored=None) if _reveals(artifact.stored, redaction) else redacted

    logs = tuple(
        replace(log, stdout=redaction.text(log.stdout), stderr=redaction.text(log.stderr))
        for log in captured.logs
    )
    return replace(_each(captured, redact), logs=logs) if redaction.values else captured


def _reveals(file: Path | None, redaction: Redaction) -> bool:
    """Return whether a stored value holds a secret: inside a file it cannot be redacted."""
    if file is None:
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    if redaction.occurs_in(member):
                        return True
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return True  # the flow's code has changed the file
    return False
