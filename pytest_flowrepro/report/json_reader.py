"""The JSON report, read back and checked (docs/reference/json-report.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pytest_flowrepro.model import (
    VERDICTS,
    Bars,
    Card,
    Cause,
    CauseKind,
    CellRow,
    Cells,
    Change,
    ChangeKind,
    Command,
    Determinism,
    FlowReport,
    GraphStep,
    Histogram,
    Images,
    LinePair,
    Lines,
    Obsolete,
    Picture,
    RecordedAs,
    Report,
    RunInfo,
    Shard,
    SplitFlow,
    StepState,
    Uncollected,
)
from pytest_flowrepro.report.json import SCHEMA
from pytest_flowrepro.support.errors import ReportError
from pytest_flowrepro.support.json_node import JsonNode
from pytest_flowrepro.support.text import is_web_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def read_report(file: Path) -> Report:
    """Return the report in a file; raise `ReportError`, with the place, if it is not a valid one.

    The pages of cards are not in it.
    """

    def error(reason: str) -> ReportError:
        return ReportError(
            f"{file}: {reason}",
            hint="pass the JSON report of this version of pytest-flowrepro, as "
            "--flow-repro-json wrote it",
        )

    root = JsonNode.read(file, error=error)
    schema = root.entry("schema").integer()
    if schema != SCHEMA:
        raise root.entry("schema").wrong(f"{SCHEMA}, the schema of this version")
    fields = root.record(
        "schema", "run", "shard", "flows", "obsolete", "unused_patterns", "uncollected"
    )
    return Report(
        flows=_tuple(fields["flows"], _flow),
        run=_run(fields["run"]),
        obsolete=_tuple(fields["obsolete"], _obsolete),
        unused_patterns=fields["unused_patterns"].texts(),
        uncollected=_tuple(fields["uncollected"], _uncollected),
        shard=_optional(fields["shard"], _shard),
    )


# --- values ---------------------------------------------------------------------------


def _tuple(node: JsonNode, read: Callable[[JsonNode], T]) -> tuple[T, ...]:
    return tuple(map(read, node.items()))


def _optional(node: JsonNode, read: Callable[[JsonNode], T]) -> T | None:
    return None if node.value is None else read(node)


def _choice(node: JsonNode, choices: tuple[Any, ...]) -> Any:
    if node.value not in choices or isinstance(node.value, bool):
        raise node.wrong(f"one of {', '.join(map(str, choices))}")
    return node.value


def _count(node: JsonNode) -> int:
    return _at_least(node, 0)


def _at_least(node: JsonNode, least: int) -> int:
    number = node.integer()
    if number < least:
        raise node.wrong(f"a whole number from {least}")
    return number


def _pair(node: JsonNode, read: Callable[[JsonNode], T]) -> tuple[T, T]:
    match _tuple(node, read):
        case (first, second):
            return first, second
    raise node.wrong("an array of two")


def _matching(node: JsonNode, pattern: re.Pattern[str], expected: str) -> str:
    if not pattern.fullmatch(node.text()):
        raise node.wrong(expected)
    return node.text()


def _number(node: JsonNode) -> float:
    """Return the number as it was written: an integer stays one, and so does its text."""
    node.number()
    assert isinstance(node.value, int | float)
    return node.value


# --- parts of the report --------------------------------------------------------------


def _run(node: JsonNode) -> RunInfo:
    fields = node.record(
        "command",
        "version",
        "date",
        "platform",
        "python",
        "commit",
        "branch",
        "is_modified",
        "folder",
        "resolution",
        "selection",
        "base",
        "head",
    )
    return RunInfo(
        command=_choice(fields["command"], get_args(Command)),
        version=fields["version"].text(),
        date=_matching(fields["date"], _DATE, "a time such as 2027-03-31T12:00:00Z"),
        platform=fields["platform"].text(),
        python=fields["python"].text(),
        commit=_optional(fields["commit"], lambda commit: _matching(commit, _COMMIT, "a commit")),
        branch=fields["branch"].text_or_none(),
        is_modified=fields["is_modified"].boolean(),
        folder=fields["folder"].text(),
        resolution=_choice(fields["resolution"], ("locked", "fresh", None)),
        selection=fields["selection"].texts(),
        base=fields["base"].text_or_none(),
        head=fields["head"].text_or_none(),
    )


def _shard(node: JsonNode) -> Shard:
    fields = node.record("number", "count", "flows", "obsolete", "unused_patterns", "strict")
    count = _at_least(fields["count"], 1)
    return Shard(
        number=_shard_number(fields["number"], count),
        count=count,
        flows=_tuple(fields["flows"], lambda flow: _split_flow(flow, count)),
        obsolete=_tuple(fields["obsolete"], _obsolete),
        unused_patterns=fields["unused_patterns"].texts(),
        strict=fields["strict"].boolean(),
    )


def _shard_number(node: JsonNode, count: int) -> int:
    if not 1 <= node.integer() <= count:
        raise node.wrong(f"a whole number from 1 to {count}")
    return node.integer()


def _split_flow(node: JsonNode, count: int) -> SplitFlow:
    fields = node.record("file", "flow", "case", "shard")
    return SplitFlow(
        file=fields["file"].text(),
        flow=fields["flow"].text(),
        case=fields["case"].text_or_none(),
        shard=_shard_number(fields["shard"], count),
    )


def _obsolete(node: JsonNode) -> Obsolete:
    fields = node.record("folder", "reason")
    return Obsolete(folder=fields["folder"].text(), reason=fields["reason"].text())


def _uncollected(node: JsonNode) -> Uncollected:
    fields = node.record("file", "error")
    error = fields["error"].text()
    if not error.splitlines():
        raise fields["error"].wrong("a sentence")
    return Uncollected(file=fields["file"].text(), error=error)


def _flow(node: JsonNode) -> FlowReport:
    fields = node.record(
        "file",
        "flow",
        "case",
        "verdict",
        "recorded",
        "seconds",
        "causes",
        "changes",
        "nondeterministic",
        "notes",
        "error",
        "after",
        "selected",
        "tests",
        "graph",
        "cards",
    )
    # In the order of the file, which is that of the stages.
    seconds = {key: fields["seconds"].entry(key) for key in fields["seconds"].mapping()}
    return FlowReport(
        file=fields["file"].text(),
        flow=fields["flow"].text(),
        case=fields["case"].text_or_none(),
        verdict=_choice(fields["verdict"], VERDICTS),
        recorded=_choice(fields["recorded"], (*get_args(RecordedAs), None)),
        seconds=tuple((stage, _seconds(spent)) for stage, spent in seconds.items()),
        causes=_tuple(fields["causes"], _cause),
        changes=_tuple(fields["changes"], _change),
        nondeterministic=_count(fields["nondeterministic"]),
        notes=fields["notes"].texts(),
        error=fields["error"].text_or_none(),
        after=fields["after"].texts(),
        selected=fields["selected"].texts(),
        tests=_count(fields["tests"]),
        graph=_tuple(fields["graph"], _step),
        cards=_tuple(fields["cards"], _card),
    )


def _seconds(node: JsonNode) -> float:
    if node.number() < 0:
        raise node.wrong("a number from 0")
    return _number(node)


def _cause(node: JsonNode) -> Cause:
    fields = node.record("kind", "text", "steps")
    return Cause(
        kind=_choice(fields["kind"], get_args(CauseKind)),
        text=fields["text"].text(),
        steps=fields["steps"].texts(),
    )


def _step(node: JsonNode) -> GraphStep:
    fields = node.record("name", "type", "next", "state")
    return GraphStep(
        name=fields["name"].text(),
        type=fields["type"].text(),
        next=fields["next"].texts(),
        state=_choice(fields["state"], get_args(StepState)),
    )


def _card(node: JsonNode) -> Card:
    fields = node.record("step", "index", "type", "id", "state")
    return Card(
        step=fields["step"].text(),
        index=_tuple(fields["index"], _count),
        type=fields["type"].text(),
        id=fields["id"].text_or_none(),
        state=_choice(fields["state"], ("rendered", "failed")),
    )


def _change(node: JsonNode) -> Change:
    fields = node.record(
        "kind",
        "change",
        "environment",
        "step",
        "index",
        "name",
        "old",
        "new",
        "gated",
        "explanation",
        "determinism",
        "within",
        "origin",
        "cause",
        "loaded",
        "tasks",
        "setting",
        "weakens",
        "accepted_by",
        "declared",
        "via",
        "link",
        "pictures",
    )
    return Change(
        kind=_choice(fields["kind"], get_args(ChangeKind)),
        change=_choice(fields["change"], ("added", "removed", "changed", "unread")),
        environment=fields["environment"].text_or_none(),
        step=fields["step"].text_or_none(),
        index=_optional(fields["index"], lambda index: _tuple(index, _count)),
        name=fields["name"].text(),
        old=fields["old"].text_or_none(),
        new=fields["new"].text_or_none(),
        gated=fields["gated"].boolean(),
        explanation=fields["explanation"].texts(),
        determinism=_choice(fields["determinism"], get_args(Determinism)),
        within=fields["within"].text_or_none(),
        origin=_choice(fields["origin"], ("first", "derived", None)),
        cause=_choice(fields["cause"], (*get_args(CauseKind), None)),
        loaded=_optional(fields["loaded"], JsonNode.boolean),
        tasks=_optional(fields["tasks"], lambda tasks: _pair(tasks, _count)),
        setting=fields["setting"].text_or_none(),
        weakens=fields["weakens"].boolean(),
        accepted_by=fields["accepted_by"].text_or_none(),
        declared=fields["declared"].boolean(),
        via=fields["via"].texts(),
        link=_link(fields["link"]),
        pictures=_tuple(fields["pictures"], _picture),
    )


def _link(node: JsonNode) -> str | None:
    """Return a URL that a page may link to."""
    link = node.text_or_none()
    if link is not None and not is_web_address(link):
        raise node.wrong("a web address")
    return link


# --- pictures -------------------------------------------------------------------------


def _picture(node: JsonNode) -> Picture:
    match node.entry("kind").value:
        case "images":
            fields = node.record("kind", "old", "new")
            return Images(old=_png(fields["old"]), new=_png(fields["new"]))
        case "histogram":
            fields = node.record("kind", "place", "start", "width", "old", "new")
            return Histogram(
                place=fields["place"].text(),
                start=_number(fields["start"]),
                width=_width(fields["width"]),
                old=_tuple(fields["old"], _count),
                new=_tuple(fields["new"], _count),
            )
        case "bars":
            fields = node.record("kind", "place", "labels", "old", "new")
            labels = fields["labels"].texts()
            return Bars(
                place=fields["place"].text(),
                labels=labels,
                old=_of_length(fields["old"], len(labels), _number_or_none),
                new=_of_length(fields["new"], len(labels), _number_or_none),
            )
        case "cells":
            fields = node.record("kind", "place", "columns", "rows", "left_out")
            columns = fields["columns"].texts()
            return Cells(
                place=fields["place"].text(),
                columns=columns,
                rows=_tuple(fields["rows"], lambda row: _cell_row(row, len(columns))),
                left_out=_count(fields["left_out"]),
            )
        case "lines":
            fields = node.record("kind", "place", "pairs", "left_out")
            return Lines(
                place=fields["place"].text(),
                pairs=_tuple(fields["pairs"], _line_pair),
                left_out=_count(fields["left_out"]),
            )
    raise node.entry("kind").wrong("one of images, histogram, bars, cells, lines")


def _png(node: JsonNode) -> str | None:
    return _optional(node, lambda image: _matching(image, _BASE64, "a PNG file in base64"))


def _width(node: JsonNode) -> float:
    if node.number() <= 0:
        raise node.wrong("a number above 0")
    return _number(node)


def _number_or_none(node: JsonNode) -> float | None:
    return _optional(node, _number)


def _of_length(node: JsonNode, length: int, read: Callable[[JsonNode], T]) -> tuple[T, ...]:
    values = _tuple(node, read)
    if len(values) != length:
        raise node.wrong(f"an array of {length}")
    return values


def _cell_row(node: JsonNode, columns: int) -> CellRow:
    fields = node.record("label", "cells")
    cells = _of_length(fields["cells"], columns, lambda cell: _optional(cell, _cell))
    return CellRow(label=fields["label"].text(), cells=cells)


def _cell(node: JsonNode) -> tuple[str, str]:
    return _pair(node, JsonNode.text)


def _line_pair(node: JsonNode) -> LinePair:
    fields = node.record("old_number", "old", "new_number", "new")
    return LinePair(
        old_number=_optional(fields["old_number"], JsonNode.integer),
        old=fields["old"].text_or_none(),
        new_number=_optional(fields["new_number"], JsonNode.integer),
        new=fields["new"].text_or_none(),
    )
