"""Where two values differ, in lines for a reader. It never decides whether they do."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeGuard

from pytest_flowrepro.diff.value_tree import Leaf, Tree, render, tree
from pytest_flowrepro.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import Artifact, Json

LINES = 20
_COMPARED = 20_000
"""Characters of JSON that are compared; a baseline holds far less unless edited by hand."""
_CONTEXT = 20

UNEXPLAINED = "differs, cannot explain: the recorded summaries are equal, the digests are not"
UNRECORDED = "differs where the value is not recorded"
OPAQUE = "opaque, known by its pickle only"


def explain(old: Artifact, new: Artifact) -> tuple[str, ...]:
    """Up to `LINES` lines for two artifacts whose digests differ; at least one."""
    lines = []
    if old.type != new.type:
        lines.append(f"type: {old.type or 'unknown'} -> {new.type or 'unknown'}")
    opaque = [artifact.value for artifact in (old, new) if artifact.opaque]
    lines += dict.fromkeys(
        f"{OPAQUE}: {value['$opaque']}" for value in opaque if _has_reason(value)
    )
    try:
        lines += _differences(old, new)
    except Exception:  # noqa: BLE001  a value edited by hand, or a bug of deepdiff: still a change
        lines.append("differs, cannot explain: a recorded value is not in the documented form")
    lines = [visible(line) for line in lines or [UNEXPLAINED]]
    if len(lines) > LINES:
        lines[LINES - 1 :] = [f"... and {len(lines) - LINES + 1:,} more"]
    return tuple(lines)


def _has_reason(value: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict) and "$opaque" in value


def _differences(old: Artifact, new: Artifact) -> Iterator[str]:
    if any(len(json.dumps(artifact.value)) > _COMPARED for artifact in (old, new)):
        yield "differs, too large to explain"
        return
    yield from _compare("", tree(old.value), tree(new.value))


def _compare(path: str, old: Tree, new: Tree) -> Iterator[str]:
    from deepdiff import DeepDiff  # noqa: PLC0415  takes half a second; needed on drift only

    found = DeepDiff(old, new, view="tree", threshold_to_diff_deeper=0, max_diffs=10_000)
    for kind in sorted(found):
        for level in found[kind]:
            yield from _changed(path + level.path(root=""), kind, level.t1, level.t2)


def _changed(path: str, kind: str, old: Tree, new: Tree) -> Iterator[str]:
    path = path.removesuffix(":")  # deepdiff's place of an item in a set
    at = f"{path}: " if path else ""
    if kind.endswith("_added"):
        yield f"{at}added {render(new)}"
    elif kind.endswith("_removed"):
        yield f"{at}removed {render(old)}"
    elif isinstance(old, Leaf) and isinstance(new, Leaf) and old.tag == new.tag:
        lines = list(_leaf(path, old, new))
        yield from lines or [f"{at}{render(old)} -> {render(new)}: {UNRECORDED}"]
    elif type(old) is str and type(new) is str:
        yield f"{at}{_text(old, new)}"
    else:
        yield f"{at}{render(old)} -> {render(new)}"


def _leaf(path: str, old: Leaf, new: Leaf) -> Iterator[str]:
    a, b = old.details, new.details
    match old.tag:
        case "$cut":
            yield from _cut(path, a, b)
        case "$array":
            yield from _elements(path, a, b)
        case "$series":
            yield from _elements(path, a, b)
            yield from _index(f"{path} index".lstrip(), a.get("index", {}), b.get("index", {}))
        case "$index":
            yield from _index(path, a, b)
        case "$frame":
            yield from _frame(path, a, b)
        case _:
            at = f"{path}: " if path else ""
            yield f"{at}{render(old)} -> {render(new)}"


def _cut(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    yield from _moved(path, old, new, "type", "length", "bits", "min", "max", "mean")
    a, b = old.get("first"), new.get("first")
    if isinstance(a, str) and isinstance(b, str):
        if a != b:
            yield f"{path}: {_text(a, b)}".removeprefix(": ")
    elif type(a) is type(b) and a is not None:
        yield from _compare(path, tree(a), tree(b))


def _elements(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """An array, or one column: its elements where they are stored, else its summary."""
    yield from _moved(path, old, new, "name", "dtype", "shape", "length", "categories")
    a, b = old.get("values"), new.get("values")
    if a is None or b is None:
        yield from _moved(path, old, new, "nan", "missing", "min", "max", "mean", "first")
    else:
        yield from _values(f"{path}: " if path else "", a, b, old.get("shape", [len(a)]))
    fields, others = old.get("fields", {}), new.get("fields", {})
    for name in [name for name in fields if name in others]:
        before, now = fields[name]["$array"], others[name]["$array"]
        if before.get("digest") != now.get("digest"):
            yield from _elements(f"{path}[{name!r}]", before, now)


def _values(at: str, old: list[Any], new: list[Any], shape: list[int]) -> Iterator[str]:
    if len(old) != len(new):
        yield f"{at}{len(old):,} elements -> {len(new):,}"
    both = list(zip(old, new, strict=False))
    places = [i for i, pair in enumerate(both) if _differ(*pair)]
    if places:
        a, b = both[places[0]]
        counted = f"{len(places):,} of {len(both):,} elements differ"
        first = f"first at {_place(places[0], shape)}: {render(tree(a))} -> {render(tree(b))}"
        yield f"{at}{counted}, {first}"


def _index(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    if "levels" not in old and "levels" not in new:
        if old.get("digest") != new.get("digest") or old.get("name") != new.get("name"):
            yield from _elements(path, old, new)
        return
    a, b = old.get("levels", [old]), new.get("levels", [new])
    if len(a) != len(b):
        yield f"{path} levels: {len(a)} -> {len(b)}".lstrip()
    for position, (before, now) in enumerate(zip(a, b, strict=False)):
        yield from _index(f"{path} level {position}".lstrip(), before, now)


def _frame(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    yield from _moved(path, old, new, "shape")
    yield from _index(f"{path} index".lstrip(), old.get("index", {}), new.get("index", {}))
    a, b = _columns(old), _columns(new)
    at = f"{path}: " if path else ""
    yield from (f"{at}column {name} removed" for name in a if name not in b)
    yield from (f"{at}column {name} added" for name in b if name not in a)
    if list(a) != list(b) and a.keys() == b.keys():
        yield f"{at}columns are in another order"
    for name, before in a.items():
        if name in b and before.get("digest") != b[name].get("digest"):
            lines = list(_elements(f"{path}[{name}]", before, b[name]))
            yield from lines or [f"{path}[{name}]: {UNRECORDED}"]


def _columns(frame: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By name, the second of two equal names with its position; those cut off are one."""
    found: dict[str, dict[str, Any]] = {}
    for position, node in enumerate(frame.get("columns", ())):
        column = node.get("$cut", node)
        name = render(tree(column["name"])) if "name" in column else "(further columns)"
        found[f"{name} at {position}" if name in found else name] = column
    return found


def _moved(path: str, old: dict[str, Any], new: dict[str, Any], *names: str) -> Iterator[str]:
    for name in names:
        a, b = old.get(name), new.get(name)
        if _differ(a, b):
            yield f"{path} {name}: {render(tree(a))} -> {render(tree(b))}".lstrip()


def _differ(old: Any, new: Any) -> bool:
    """Python's own `==` takes 1, True and 1.0 for one."""
    return json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)


def _place(flat: int, shape: list[int]) -> list[int]:
    place: list[int] = []
    for length in reversed(shape):
        flat, position = divmod(flat, length)
        place.insert(0, position)
    return place


def _text(old: str, new: str) -> str:
    """Both texts, or for long ones the surroundings of the first character that differs."""
    if max(len(old), len(new)) <= 2 * _CONTEXT:
        return f"{old!r} -> {new!r}"
    pairs = enumerate(zip(old, new, strict=False))
    at = next(islice((i for i, (a, b) in pairs if a != b), 1), min(len(old), len(new)))
    before, now = (text[max(0, at - _CONTEXT) : at + _CONTEXT] for text in (old, new))
    return f"from character {at:,} on: {before!r} -> {now!r}"
