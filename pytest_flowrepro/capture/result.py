"""The JSON lines that the reader of a datastore writes (`in_venv/capture.py`), as values.

User code ran in that process, so its answer is checked like any other input.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_flowrepro.model import Artifact, Capture, Task, TaskLog, value_file
from pytest_flowrepro.support.errors import CaptureError
from pytest_flowrepro.support.redaction import NOTHING
from pytest_flowrepro.support.strict_json import Json, StrictJsonError, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.support.redaction import Redaction

RESULT_LIMIT = 512_000_000
"""Maximum number of bytes of JSON for one run; a foreach of 10,000 tasks has far fewer."""

UNREAD_HINT = (
    "if the disk is full, free some space or choose another folder with `--basetemp` or TMPDIR; "
    "an artifact that takes minutes to load is not suitable for a check"
)

_T = TypeVar("_T")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def read_capture(
    file: Path,
    *,
    steps: tuple[str, ...],
    values: Path,
    encoders: Path | None = None,
    redaction: Redaction = NOTHING,
) -> Capture:
    """Read the script's answer line by line: the whole text is never in memory.

    `values` is the folder of the values that it stored whole. Raises `CaptureError` with the place
    in the file, or in the file of `encoders`.
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
                        reason = redaction.text(_a(str, found, at))
                        what = f"The artifacts could not be read: {reason}"
                        raise CaptureError(what, hint=UNREAD_HINT)
                    case _, found, at:
                        logs.append(_log(found, at))
        of_the_run = _only(parameters)
    except (_MalformedError, StrictJsonError, UnicodeDecodeError) as error:
        raise CaptureError(
            f"{file}: malformed answer of the datastore's reader: {error}",
            hint="look for code of the flow that writes to it while its artifacts are loaded",
        ) from error
    place = order_of(steps)
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
        return _MalformedError(at, "no entry about encoders")
    fields = _fields(found, "line", "reason", at=at)
    line = "" if fields["line"] is None else f":{_a(int, fields['line'], f'{at}.line')}"
    reason = redaction.text(_a(str, fields["reason"], f"{at}.reason"))
    return CaptureError(
        f"{file.name}{line}: the encoders cannot be used: {reason}",
        hint="correct the file, which the setting `encoders` names; import modules that only some "
        "steps' environments have inside the encoder",
    )


def _only(found: list[tuple[Artifact, ...]]) -> tuple[Artifact, ...]:
    if len(found) != 1:
        raise _MalformedError("", "one line of parameters")
    return found[0]


_ENTRIES = {"parameters", "task", "log", "encoders", "broken", "stopped"}


def _entry(line: str, at: str) -> tuple[str, Json, str]:
    """Parse a line into the kind of entry, its value, and its place."""
    try:
        fields = _a(dict, parse_json(line), at)
    except StrictJsonError as error:
        raise _MalformedError(at, f"JSON: {error.reason}") from error
    if len(fields) != 1 or not fields.keys() <= _ENTRIES:
        raise _MalformedError(at, "one of the keys parameters, task, log, encoders")
    ((name, found),) = fields.items()
    return name, found, f"{at}: {name}"


def order_of(
    steps: tuple[str, ...],
) -> Callable[[Task | TaskLog], tuple[int, str, tuple[int, ...]]]:
    """Return a key that sorts tasks and logs: a step that is not among these comes last."""
    order = {step: position for position, step in enumerate(steps)}
    return lambda item: (order.get(item.step, len(order)), item.step, item.index)


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


_NOTED = ("written", "modules", "sources", "drawn")


def _log(item: Json, at: str) -> TaskLog:
    names = ("step", "index", "ok", "attempts", *_NOTED, "signal", "stdout", "stderr")
    fields = _fields(item, *names, at=at)
    noted = {name: _items(fields[name], f"{at}.{name}") for name in _NOTED}
    return TaskLog(
        step=_a(str, fields["step"], f"{at}.step"),
        index=_index(fields["index"], f"{at}.index"),
        ok=_a(bool, fields["ok"], f"{at}.ok"),
        attempts=_a(int, fields["attempts"], f"{at}.attempts"),
        signal=None if fields["signal"] is None else _a(str, fields["signal"], f"{at}.signal"),
        stdout=_a(str, fields["stdout"], f"{at}.stdout"),
        stderr=_a(str, fields["stderr"], f"{at}.stderr"),
        **{name: tuple(_a(str, one, place) for one, place in noted[name]) for name in _NOTED},
    )


def _artifacts(found: Json, at: str, values: Path) -> tuple[Artifact, ...]:
    artifacts = [_artifact(item, place, values) for item, place in _items(found, at)]
    return tuple(sorted(artifacts, key=lambda artifact: artifact.name))


def _artifact(item: Json, at: str, values: Path) -> Artifact:
    names = ("name", "type", "digest", "value", "opaque")
    fields = _fields(item, *names, at=at, optional=("unread", "structure", "sha", "stored"))
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
        unread=_a(bool, fields.get("unread", False), f"{at}.unread"),
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
