"""The JSON lines that the reader of a datastore writes (`in_venv/capture.py`), as values.

User code ran in that process, so its answer is checked like any other input.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_flowrepro.model import Artifact, Capture, Card, Task, TaskLog, picture_file, value_file
from pytest_flowrepro.support.errors import CaptureError
from pytest_flowrepro.support.json_node import JsonNode
from pytest_flowrepro.support.redaction import NOTHING
from pytest_flowrepro.support.strict_json import StrictJsonError, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_flowrepro.support.errors import FlowReproError
    from pytest_flowrepro.support.json_node import JsonError
    from pytest_flowrepro.support.redaction import Redaction

RESULT_LIMIT = 512_000_000
"""Maximum number of bytes of JSON for one run; a foreach of 10,000 tasks has far fewer."""

UNREAD_HINT = (
    "if the disk is full, free some space or choose another folder with `--basetemp` or TMPDIR; "
    "an artifact that takes minutes to load is not suitable for a check"
)


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

    def malformed(reason: str) -> CaptureError:
        return CaptureError(
            f"{file}: malformed answer of the datastore's reader: {redaction.text(reason)}",
            hint="look for code of the flow that writes to it while its artifacts are loaded",
        )

    parameters: list[tuple[Artifact, ...]] = []
    tasks: list[Task] = []
    cards: list[Card] = []
    logs: list[TaskLog] = []
    used: list[tuple[str, bool]] = []
    for kind, node in _read_entries(file, malformed):
        match kind:
            case "parameters":
                parameters.append(_read_artifacts(node, values))
            case "task":
                tasks.append(_read_task(node, values))
                cards += _read_cards(node.entry("cards"), tasks[-1])
            case "encoders":
                used += [(name, was_used.boolean()) for name, was_used in node.entries()]
            case "broken":
                raise _broken_encoders(encoders, node, redaction)
            case "stopped":
                what = f"The artifacts could not be read: {redaction.text(node.text())}"
                raise CaptureError(what, hint=UNREAD_HINT)
            case _:
                logs.append(_read_log(node))
    if len(parameters) != 1:
        raise malformed(f"the file should have one line of parameters, has {len(parameters)}")
    place = order_of(steps)
    return Capture(
        parameters=parameters[0],
        tasks=tuple(sorted(tasks, key=place)),
        logs=tuple(sorted(logs, key=place)),
        encoders=tuple(used),
        cards=tuple(sorted(cards, key=place)),
    )


def _broken_encoders(file: Path | None, node: JsonNode, redaction: Redaction) -> FlowReproError:
    if file is None:
        return node.invalid("no encoders were asked for")
    fields = node.record("line", "reason")
    line = "" if fields["line"].value is None else f":{fields['line'].integer()}"
    reason = redaction.text(fields["reason"].text())
    return CaptureError(
        f"{file.name}{line}: the encoders cannot be used: {reason}",
        hint="correct the file, which the setting `encoders` names; import modules that only some "
        "steps' environments have inside the encoder",
    )


_ENTRIES = {"parameters", "task", "log", "encoders", "broken", "stopped"}


def _read_entries(file: Path, error: JsonError) -> Iterator[tuple[str, JsonNode]]:
    """Yield the kind and the value of each line."""
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _entry(line, f"line {number}", error)
    except UnicodeDecodeError:
        raise error("the file is not UTF-8") from None


def _entry(line: str, path: str, error: JsonError) -> tuple[str, JsonNode]:
    """Parse a line into the kind of entry, and its value."""
    try:
        root = JsonNode(value=parse_json(line), error=error, start=path)
    except StrictJsonError as problem:
        raise error(f"{path} is not valid JSON: {problem.reason}") from None
    fields = root.mapping()
    if len(fields) != 1 or not fields.keys() <= _ENTRIES:
        raise root.invalid("should have one of the keys parameters, task, log, encoders")
    ((name, value),) = fields.items()
    return name, JsonNode(value=value, error=error, start=f"{path}: {name}")


def order_of(
    steps: tuple[str, ...],
) -> Callable[[Task | TaskLog | Card], tuple[int, str, tuple[int, ...]]]:
    """Return a key that sorts tasks, logs and cards: a step that is not among these comes last."""
    order = {step: position for position, step in enumerate(steps)}
    return lambda item: (order.get(item.step, len(order)), item.step, item.index)


def _read_task(node: JsonNode, values: Path) -> Task:
    fields = node.record("step", "index", "artifacts", "cards")
    return Task(
        step=fields["step"].text(),
        index=fields["index"].integers(),
        artifacts=_read_artifacts(fields["artifacts"], values),
    )


def _read_cards(node: JsonNode, task: Task) -> Iterator[Card]:
    """Yield the cards of a task that are not missing."""
    for item in node.items():
        fields = item.record("type", "id", "state", "file")
        match fields["state"].text():
            case "missing":
                continue
            case "rendered" | "failed" as state:
                yield Card(
                    step=task.step,
                    index=task.index,
                    type=fields["type"].text(),
                    id=fields["id"].text_or_none(),
                    state=state,
                    page=fields["file"].text(),
                )
            case _:
                raise fields["state"].wrong("rendered, failed or missing")


_NOTED = ("written", "modules", "sources", "drawn")


def _read_log(node: JsonNode) -> TaskLog:
    fields = node.record("step", "index", "ok", "attempts", *_NOTED, "signal", "stdout", "stderr")
    return TaskLog(
        step=fields["step"].text(),
        index=fields["index"].integers(),
        ok=fields["ok"].boolean(),
        attempts=fields["attempts"].integer(),
        signal=fields["signal"].text_or_none(),
        stdout=fields["stdout"].text(),
        stderr=fields["stderr"].text(),
        **{name: fields[name].texts() for name in _NOTED},
    )


def _read_artifacts(node: JsonNode, values: Path) -> tuple[Artifact, ...]:
    artifacts = [_read_artifact(item, values) for item in node.items()]
    return tuple(sorted(artifacts, key=lambda artifact: artifact.name))


_FILES = ("stored", "picture")


def _read_artifact(node: JsonNode, values: Path) -> Artifact:
    names = ("name", "type", "digest", "value", "opaque")
    fields = node.record(*names, optional=("unread", "structure", "sha", *_FILES))
    digest = fields["digest"].sha256()
    has_file = {name: name in fields and fields[name].boolean() for name in _FILES}
    return Artifact(
        name=fields["name"].text(),
        type=sys.intern(fields["type"].text()),
        digest=digest,
        value=fields["value"].value,
        opaque=fields["opaque"].boolean(),
        unread="unread" in fields and fields["unread"].boolean(),
        structure=fields["structure"].text() if "structure" in fields else None,
        sha=fields["sha"].text() if "sha" in fields else None,
        stored=values / value_file(digest) if has_file["stored"] else None,
        picture=values / picture_file(digest) if has_file["picture"] else None,
    )
