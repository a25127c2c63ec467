"""The differences between two values, by their readable forms or the files of their full values.

The digests decide whether two values are equal. The walk explains, with deepdiff inside plain
values; under rules it also decides whether anything differs that they do not tolerate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.diff.values import tables
from pytest_flowrepro.diff.values.containers import dicts, items, mappings, objects, sets
from pytest_flowrepro.diff.values.cuts import cuts
from pytest_flowrepro.diff.values.document import Document, documents
from pytest_flowrepro.diff.values.elements import same
from pytest_flowrepro.diff.values.nested import is_small, nested
from pytest_flowrepro.diff.values.numbers import distance, number, within
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.rules import NO_RULES, Rules
from pytest_flowrepro.diff.values.strings import text_lines
from pytest_flowrepro.diff.values.walk import Limits, OutOfTimeError, Place, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.support.strict_json import Json

UNEXPLAINED = "differs, not explained: the digests differ, but the recorded values are equal"
UNSHOWN = "differs only in type, order or object identity"
SHARED = "shared:"
"""Prefix of the structure of a value that contains an object more than once."""
MALFORMED = "differs, not explained: a recorded value is not in the documented form"
LATE = "differs, not explained further for lack of time: see --flow-repro-details"
OPAQUE = "opaque, compared by its bytes only"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The differences between two values whose digests differ."""

    lines: tuple[str, ...]
    """At least one, unless the rules tolerate everything; each short enough for a terminal,
    without control characters."""
    differing: int
    """Leaves, elements, rows and facts such as a dtype that differ beyond the rules."""
    tolerated: float | None
    """The largest |difference| within a tolerance; None without one."""
    ignored: int
    """Places that differ and that the rules ignore."""
    complete: bool
    """False if a part of a value that is recorded by its digest only differs, so that the rules
    cannot be applied to it."""


def compare(
    old: Artifact, new: Artifact, *, rules: Rules = NO_RULES, limits: Limits | None = None
) -> Comparison:
    """Return the differences between two artifacts whose digests differ.

    Raises `BaselineError` for a stored file that is broken.
    """
    a, b = documents(old, new)
    walk = _walk(a, b, rules, limits or Limits())
    if old.type != new.type:
        walk.differ(Place(), f"type: {old.type or 'unknown'} -> {new.type or 'unknown'}")
    for line in _not_seen(_opaque(a.value), _opaque(b.value)):
        walk.report(Place(), line)
    late = False
    try:
        _node(walk, Place(), a.value, b.value)
    except OutOfTimeError:
        late = True
    if not (late or walk.differing) and _is_more(walk, old, new):
        walk.differ(Place(), UNSHOWN)
    if not (late or walk.differing or walk.tolerated is not None or walk.ignored):
        walk.complete = False
        walk.differ(Place(), UNEXPLAINED)
    lines = walk.report_lines()
    return Comparison(
        lines=(*lines, LATE) if late else lines,
        differing=walk.differing + late,
        tolerated=walk.tolerated,
        ignored=walk.ignored,
        complete=walk.complete,
    )


def explain(place: Place, old: Json, new: Json) -> tuple[str, ...]:
    """Return the lines that show where two plain values of a manifest differ."""
    walk = _walk(Document(value=old), Document(value=new), NO_RULES, Limits())
    _node(walk, place, old, new)
    return walk.report_lines()


def _walk(old: Document, new: Document, rules: Rules, limits: Limits) -> Walk:
    # Rules decide whether a value differs, which deepdiff never does.
    by_deepdiff = rules is NO_RULES and is_small(old.value, new.value)
    return Walk(old=old, new=new, node=_node, rules=rules, limits=limits, by_deepdiff=by_deepdiff)


def _is_more(walk: Walk, old: Artifact, new: Artifact) -> bool:
    """Return whether anything differs beyond the rules that only the structure shows.

    Values at ignored places are part of the structure. If they may be all that differs, the
    readable forms show all other differences, except for objects that occur in several places.
    """
    if old.structure == new.structure:
        return False
    shared = any((side.structure or "").startswith(SHARED) for side in (old, new))
    return shared or not walk.ignored


def _not_seen(old: str | None, new: str | None) -> Iterator[str]:
    """Yield the reasons why only the pickles of two values are known."""
    if old == new:
        yield from [f"{OPAQUE}: {new}"] if new else []
        return
    yield new.replace(": ", " now: ", 1) if new else "it can be read now"
    if old:
        yield f"when it was recorded: {old}"


def _opaque(value: Json) -> str | None:
    """Return why only the pickle of a value is known."""
    match value:
        case {"$opaque": str(reason)}:
            return reason
    return None


def _node(walk: Walk, place: Place, old: Json, new: Json) -> None:
    """Compare two nodes of any kind."""
    walk.in_time()
    try:
        if walk.rules is not NO_RULES and not same(old, new) and walk.skip(place):
            return
        kind = _kind(old)
        if kind != _kind(new):
            _of_two_kinds(walk, place, old, new)
        elif kind not in _PLAIN_CONTAINERS or not nested(walk, place, old, new):
            _of_one_kind(walk, place, kind, old, new)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
        walk.complete = False
        walk.differ(place, MALFORMED)


_PLAIN_CONTAINERS = frozenset(["list", "dict", "$tuple", "$set", "$frozenset"])
_PLAIN = {"$int": "int", "$float": "float", "$str": "str", "$dict": "dict"}


def _kind(node: Json) -> str:
    """Return the tag of a node, or the name of its class; a large integer is an `int`, too."""
    if isinstance(node, dict):
        tag = next(iter(node), "")
        return _PLAIN.get(tag, tag) if tag.startswith("$") else "dict"
    return type(node).__name__


def _of_one_kind(walk: Walk, place: Place, kind: str, old: Any, new: Any) -> None:
    match kind:
        case "list":
            items(walk, place, old, new)
        case "dict":
            dicts(walk, place, old, new)
        case _ if kind in _INSIDE:
            _INSIDE[kind](walk, place, old[kind], new[kind])
        case _ if same(old, new):
            return
        case "str" | "$bytes" | "$bytearray":
            _texts(walk, place, old, new)
        case _ if number(old) and number(new):
            _numbers(walk, place, old, new)
        case "$numpy" if _is_record(old, new):
            _node(walk, place, old[kind]["value"], new[kind]["value"])
        case _ if not isinstance(old, dict):
            walk.differ(place, f"{old} -> {new}")
        case _ if _has_fields(old[kind]) and _has_fields(new[kind]):
            objects(walk, place, kind, (old[kind], new[kind]))
        case _:
            walk.complete &= kind != "$opaque"
            walk.differ(place, f"{render(tree(old))} -> {render(tree(new))}")


def _of_two_kinds(walk: Walk, place: Place, old: Json, new: Json) -> None:
    a, b = tables.listed(old, walk.old), tables.listed(new, walk.new)
    if a and b and a[0] == b[0]:
        items(walk, place, a[1], b[1])
        return
    kinds = [_kind(old), _kind(new)]
    walk.complete &= not {"$cut", "$opaque"} & {*kinds}
    shown = [render(tree(old)), render(tree(new))]
    if shown[0] == shown[1]:  # a set and a frozenset, bytes and a bytearray
        shown = [
            f"{kind.removeprefix('$')} {text}" for kind, text in zip(kinds, shown, strict=True)
        ]
    walk.differ(place, " -> ".join(shown))


def _numbers(walk: Walk, place: Place, old: Json, new: Json) -> None:
    a, b = number(old), number(new)
    difference = distance(a, b) if a and b else None
    if difference and within(walk.rules.tolerance(place.path), difference):
        walk.add_tolerated(difference.absolute)
        return
    change = f"{render(tree(old))} -> {render(tree(new))}"
    if difference and difference.absolute and a and a.kind != "int":
        # If the whole artifact is a number, the report shows both values next to its name.
        change = f"{change} ({difference})" if place.path else str(difference)
    walk.differ(place, change)


def _texts(walk: Walk, place: Place, old: Json, new: Json) -> None:
    first, *more = text_lines(_json_text(old), _json_text(new))
    walk.differ(place, first)
    for line in more:
        walk.report(Place(), line)


def _json_text(node: Json) -> str:
    match node:
        case str():
            return node
        case {"$str": str(text)} | {"$bytes": str(text)} | {"$bytearray": str(text)}:
            return text
    raise TypeError("no text")


def _is_record(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Return whether two numpy scalars are records of one dtype."""
    a, b = old["$numpy"], new["$numpy"]
    return same(a["dtype"], b["dtype"]) and isinstance(a["value"], dict)


def _has_fields(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("fields"), dict)


_INSIDE: dict[str, Callable[[Walk, Place, Any, Any], None]] = {
    "$tuple": items,
    "$mapping": mappings,
    "$set": sets,
    "$frozenset": sets,
    "$cut": cuts,
    "$array": tables.array,
    "$numbers": tables.numbers,
    "$series": tables.series,
    "$index": tables.index,
    "$frame": tables.frame,
}
"""Functions that compare the bodies of two nodes of one tag with more than a value inside."""
