"""The pictures of two values that differ: images, distributions, bars, cells, and lines of text.

They are made from the readable forms (docs/reference/values.md), and from the files of full values
where both sides have one. They only show a difference that the digests have decided.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.diff.pictures.bins import bins_of, together
from pytest_flowrepro.diff.pictures.tables import changed_cells, shown_name
from pytest_flowrepro.diff.pictures.texts import side_by_side
from pytest_flowrepro.diff.values.containers import key_pairs
from pytest_flowrepro.diff.values.document import Document, documents
from pytest_flowrepro.diff.values.elements import same
from pytest_flowrepro.diff.values.render import render, tree
from pytest_flowrepro.diff.values.walk import Place
from pytest_flowrepro.model import PARAMETERS, Bars, Histogram, Images

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pytest_flowrepro.model import Artifact, Change, Picture, Recording
    from pytest_flowrepro.support.strict_json import Json

_CHANGES = 40
"""Changes of a flow that get pictures."""
_OF_ONE = 6
"""Pictures of a change."""
_BARS = 40
"""Numbers that are drawn as bars; more are drawn as a histogram."""
_FEW = 20
"""Numbers that a histogram has at least."""
_SCALE = 1_000
"""Bars are not drawn if the largest number is this many times as large as the smallest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names by which a fitted model of scikit-learn knows features and classes."""

    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def labels(self, shape: tuple[int, ...]) -> list[str]:
        """Return a name for each element of an array of this shape; none if they are not known."""
        match shape:
            case (size,) | (1, size) if size == len(self.features):
                return [*self.features]
            case (size,) if size == len(self.classes):
                return [*self.classes]
            case (rows, size) if rows == len(self.classes) and size == len(self.features):
                return [f"{label}: {name}" for label in self.classes for name in self.features]
        return []


_NO_NAMES = Names()

Key = tuple[str, tuple[int, ...], str]
"""Step, index and name of an artifact."""


def with_pictures(changes: Iterable[Change], old: Recording, new: Recording) -> tuple[Change, ...]:
    """Return the changes, the first of the artifacts with pictures.

    Raises `BaselineError` for a stored value that is broken.
    """
    before, now = _artifacts(old), _artifacts(new)
    room = _CHANGES

    def drawn(change: Change) -> Change:
        nonlocal room
        if not room or change.kind not in {"artifact", "parameter"} or change.change == "unread":
            return change
        key = (change.step or PARAMETERS, change.index or (), change.name)
        pictures = tuple(islice(pictures_of(before.get(key), now.get(key)), _OF_ONE))
        room -= bool(pictures)
        return replace(change, pictures=pictures)

    return tuple(map(drawn, changes))


def _artifacts(recording: Recording) -> dict[Key, Artifact]:
    of_tasks = {
        (task.step, task.index, artifact.name): artifact
        for task in recording.tasks
        for artifact in task.artifacts
    }
    return of_tasks | {(PARAMETERS, (), a.name): a for a in recording.parameters}


def pictures_of(old: Artifact | None, new: Artifact | None) -> Iterator[Picture]:
    """Yield the pictures of an artifact before and after, the most telling first.

    Raises `BaselineError` for a stored value that is broken.
    """
    before, now = (artifact.picture if artifact else None for artifact in (old, new))
    if before or now:
        yield Images(old=_data(before), new=_data(now))
    elif old and new:
        try:
            yield from _of_values(old, new)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
            return  # a readable form that is not as it is documented: the explanation says so


def _data(file: Path | None) -> str | None:
    return None if file is None else base64.b64encode(file.read_bytes()).decode()


def _of_values(old: Artifact, new: Artifact) -> Iterator[Picture]:
    match old.value, new.value:
        case {"$frame": dict(a)}, {"$frame": dict(b)}:
            yield from _frames(Place(), a, b, documents(old, new))
        case a, b:
            yield from _nodes(Place(), a, b, _NO_NAMES)


def _nodes(place: Place, old: Json, new: Json, names: Names) -> Iterator[Picture]:
    """Yield the pictures of two nodes of one kind, and of those inside them."""
    if same(old, new):
        return
    match old, new:
        case str(), str():
            yield from _some(side_by_side(place.shown, old, new))
        case (list(a), list(b)) | ({"$tuple": list(a)}, {"$tuple": list(b)}):
            yield from _lists(place, a, b, names)
        case {"$array": dict(a)}, {"$array": dict(b)}:
            yield from _arrays(place, a, b, names)
        case {"$series": dict(a)}, {"$series": dict(b)}:
            yield from _arrays(place, a, b, _NO_NAMES)
        case {"$frame": dict(a)}, {"$frame": dict(b)}:
            yield from _frames(place, a, b, (Document(value=old), Document(value=new)))
        case {"$mapping": {"items": list(a)}}, {"$mapping": {"items": list(b)}}:
            yield from _entries(place, a, b)
        case dict(a), dict(b):
            yield from _dicts(place, a, b)


def _dicts(place: Place, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Picture]:
    """Yield the pictures of plain dicts, or of objects with named parts."""
    tag = next(iter(old), "")
    if not tag.startswith("$") or tag == "$dict":
        yield from _entries(place, key_pairs(old), key_pairs(new))
        return
    a, b = (node[tag].get("fields") for node in (old, new))
    if isinstance(a, dict) and isinstance(b, dict):
        names = Names(features=_texts(b, "feature_names_in_"), classes=_texts(b, "classes_"))
        for field in a:
            if field in b:
                yield from _nodes(place.attribute(field), a[field], b[field], names)


def _texts(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    match fields.get(name):
        case {"$array": {"values": list(values)}}:
            return tuple(map(shown_name, values))
    return ()


def _entries(place: Place, old: Iterable[Any], new: Iterable[Any]) -> Iterator[Picture]:
    """Yield bars of the numbers in two dicts, and the pictures of their other values."""
    before, now = ({render(tree(key)): (key, item) for key, item in side} for side in (old, new))
    shown = {**before, **now}
    bars = [
        label
        for label in shown
        if all(label not in side or _number(side[label][1]) is not None for side in (before, now))
    ]
    a, b = (
        [_number(side[label][1]) if label in side else None for label in bars]
        for side in (before, now)
    )
    if _have_one_scale([*a, *b]):
        yield from _bars(place, [shown_name(shown[label][0]) for label in bars], a, b)
    for label in before:
        if label in now and label not in bars:
            inner = place.key(label, label)
            yield from _nodes(inner, before[label][1], now[label][1], _NO_NAMES)


def _number(node: Json) -> float | None:
    """Return a finite number; None for any other value."""
    match node:
        case bool():
            return None
        case int() | float():
            return float(node) if math.isfinite(node) else None
        case {"$numpy": {"value": inner}}:
            return _number(inner)
    return None


def _have_one_scale(numbers: Iterable[float | None]) -> bool:
    sizes = [abs(number) for number in numbers if number]
    return not sizes or max(sizes) <= _SCALE * min(sizes)


def _lists(place: Place, old: list[Any], new: list[Any], names: Names) -> Iterator[Picture]:
    a, b = ([_number(item) for item in side] for side in (old, new))
    if None not in a and None not in b:
        yield from _numbers(place, _as_array(old), _as_array(new), names)
        return
    for position, (before, now) in enumerate(zip(old, new, strict=False)):
        yield from _nodes(place.item(position), before, now, names)


def _as_array(items: list[Any]) -> dict[str, Any]:
    return {"shape": [len(items)], "values": items}


def _arrays(place: Place, old: Any, new: Any, names: Names) -> Iterator[Picture]:
    if _is_numeric(old) and _is_numeric(new):
        yield from _numbers(place, old, new, names)


def _is_numeric(node: dict[str, Any]) -> bool:
    return str(node["dtype"]).lower().startswith(("int", "uint", "float", "bool"))


def _numbers(place: Place, old: Any, new: Any, names: Names) -> Iterator[Picture]:
    """Yield bars of a few numbers, or the distribution of many."""
    a, b = old.get("values"), new.get("values")
    if a is None or b is None or max(len(a), len(b)) > _BARS:
        yield from _histogram(place, old, new)
        return
    shape = max(_shape(old), _shape(new))
    labels = names.labels(shape) if _shape(old) == _shape(new) else ()
    positions = labels or [str([*index]) for index in product(*map(range, shape))]
    sides = ([*map(_number, side), *[None] * (len(positions) - len(side))] for side in (a, b))
    yield from _bars(place, positions, *sides)


def _shape(node: dict[str, Any]) -> tuple[int, ...]:
    return tuple(node["shape"] if "shape" in node else [node["length"]])


def _bars(
    place: Place,
    labels: Sequence[str],
    old: Sequence[float | None],
    new: Sequence[float | None],
) -> Iterator[Picture]:
    if 2 <= len(labels) <= _BARS and [*old] != [*new]:
        yield Bars(place=place.shown, labels=tuple(labels), old=tuple(old), new=tuple(new))


def _histogram(place: Place, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Picture]:
    a, b = bins_of(old), bins_of(new)
    if a is None or b is None or min(sum(a.counts), sum(b.counts)) < _FEW:
        return
    start, width, before, now = together(a, b)
    if before != now:
        yield Histogram(place=place.shown, start=start, width=width, old=before, new=now)


def _frames(
    place: Place, old: Any, new: Any, sides: tuple[Document, Document]
) -> Iterator[Picture]:
    """Yield the cells that differ; if they are too many or not known, also the distributions."""
    a: Any = sides[0].value
    b: Any = sides[1].value
    cells = changed_cells(place.shown, a["$frame"], b["$frame"], sides)
    yield from _some(cells)
    if cells is not None and not cells.left_out:
        return
    before = {shown_name(column["name"]): column for column in old["columns"] if "name" in column}
    for column in new["columns"]:
        name = shown_name(column.get("name"))
        earlier = before.get(name) if "name" in column else None
        if earlier and earlier["digest"] != column["digest"] and _is_numeric(column):
            yield from _histogram(place.fact(f"column {name}"), earlier, column)


def _some(picture: Picture | None) -> Iterator[Picture]:
    if picture is not None:
        yield picture
