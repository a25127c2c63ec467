"""A value as JSON for a reviewer to read, cut where it is large (docs/reference/values.md).

It is plain JSON if JSON can express the value exactly, otherwise an object with one key that starts
with `$`. A value that does not fit is cut inside: the outer structure stays, and each cut has the
digest of the part that it replaces. Runs in the flow's own interpreter: standard library only,
Python 3.8 syntax.
"""

from __future__ import annotations

import collections
import json
import math
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
    Union,
)

from _flowrepro.arrays import numpy_kind, pandas_kind
from _flowrepro.canonical.encoder import TooManyPathsError, encoded
from _flowrepro.kinds import MAPPINGS, Parts, Unordered, text
from _flowrepro.normalize import normal
from _flowrepro.readable.tables import Keep, Tables
from _flowrepro.reduce.reduction import parts

Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]
Pairs = List[Tuple[Any, Json]]

_CUT = 100  # characters that a cut needs at least
_FIRST = 5  # items of a cut container that are shown
_HEX = 8  # digits of the digest of an item, of a list whose items are large
_ITEM = _HEX + 4
_DEPTH = 30  # levels; deeper ones are not readable
_UNLIMITED = 1 << 60

_KEPT = 16_000_000
"""Bytes of canonical forms of items of sets that are kept: where items refer to each other, they
are met by many paths, and are put in order each time.
"""

_ENTRY = 200
"""Bytes of memory that a kept form takes in addition to its own."""


class _Container(NamedTuple):
    type: str
    length: int
    items: Iterable[tuple[Any, Any]]
    """Label and value, in an order that does not depend on a hash seed."""
    build: Callable[[Pairs], Json]
    wrap: Callable[[Json], Json]
    fields: bool = False
    """True for named parts of an object, of which the short ones are shown first."""


class _FullError(Exception):
    """The room that is left does not hold the full value."""


def readable(value: object, room: int, *, digest: Optional[str] = None) -> Json:
    """Return the readable form of `value` in about `room` characters of JSON.

    `digest` is that of the value, where it is known.
    """
    tables = Tables(_small)
    if digest is not None:
        tables.knows(value, digest)
    return _Reader(tables).fit(value, room)


def whole(value: object, keep: Keep, numbers: Callable[[Any], Optional[Json]]) -> Json:
    """Return the readable form with nothing cut; `keep` takes the elements of arrays and columns.

    `numbers` gives the form of a long list or tuple of plain numbers, and None for any other.
    Raises `ValueError` for a value without such a form.
    """
    return _Reader(Tables(_entire, keep), numbers).all_of(value)


class _Reader:
    def __init__(
        self, tables: Tables, numbers: Callable[[Any], Optional[Json]] = lambda _: None
    ) -> None:
        self._path: list[int] = []
        self._parts: dict[int, tuple[object, Parts]] = {}
        """An object is reduced once, because a second reduction makes other objects."""
        self._tables = tables
        self._numbers = numbers
        self._forms: Dict[int, Tuple[object, Optional[bytes]]] = {}
        """Canonical forms, and the object of each: nothing else gets its id. None where only a
        graph has one."""
        self._room_for_forms = _KEPT

    def all_of(self, value: Any) -> Json:
        """Return the full value; raise `ValueError` where it is nested too deep to be shown."""
        try:
            return self._whole(value, _UNLIMITED)[0]
        except _FullError as error:
            raise ValueError("it cannot be shown as a whole") from error

    def fit(self, value: Any, room: int) -> Json:
        """Return the full value if it fits; else its structure with cuts inside; else one cut."""
        try:
            return self._whole(value, room)[0]
        except _FullError:
            container = self._container(value)
        if container is None:
            return self._cut_scalar(value, room)
        try:
            if container.length * _CUT > room or len(self._path) >= _DEPTH:
                return self._cut(container, value, room)
            return self._inside(container, value, room)
        except _FullError:  # a set whose items cost too much to sort
            return {"$cut": self._cut_of(container.type, container.length, value)}

    def _whole(self, value: Any, room: int) -> Tuple[Json, int]:
        """Return the full value and its length; raise `_FullError` as soon as it cannot fit."""
        if id(value) in self._path:
            return {"$cycle": len(self._path) - self._path.index(id(value))}, 12
        numbers = self._numbers(value)
        if numbers is not None:
            return _measured(numbers, room)
        container = self._container(value)
        if container is None:
            return _measured(self._leaf(value, room), room)
        if len(self._path) >= _DEPTH or container.length * 2 > room:
            raise _FullError
        left = room - _length(container.wrap(container.build([])))
        pairs: Pairs = []
        self._path.append(id(value))
        try:
            for label, item in container.items:
                part, size = self._whole(item, left)
                left -= size + _overhead(label)
                if left < 0:
                    raise _FullError
                pairs.append((label, part))
        finally:
            self._path.pop()
        return container.wrap(container.build(pairs)), room - left

    def _inside(self, container: _Container, value: Any, room: int) -> Json:
        """Return the structure of a container: small items whole, the others share what is left."""
        items = list(container.items)
        room -= _length(container.wrap(container.build([])))
        room -= sum(_overhead(label) for label, _ in items)
        if len(items) * _CUT > room:
            return self._cut(container._replace(items=items), value, room)
        self._path.append(id(value))
        try:
            needs = [self._need(item, room) for _, item in items]
            order = sorted(range(len(items)), key=needs.__getitem__)
            shares = [0] * len(items)
            for done, position in enumerate(order):
                shares[position] = min(needs[position], room // (len(items) - done))
                room -= shares[position]
            pairs = [(label, self.fit(item, shares[i])) for i, (label, item) in enumerate(items)]
        finally:
            self._path.pop()
        return container.wrap(container.build(pairs))

    def _need(self, value: Any, room: int) -> int:
        try:
            return self._whole(value, room)[1]
        except _FullError:
            return room

    def _cut(self, container: _Container, value: Any, room: int) -> Json:
        cut = self._cut_of(container.type, container.length, value)
        left = room - _CUT
        if _has_large_items(value) and len(value) * _ITEM <= left // 2:
            cut["items"] = [self._tables.short_digest(item)[:_HEX] for item in value]
            left -= len(value) * _ITEM
        pairs: Pairs = []
        self._path.append(id(value))
        try:
            for label, item in container.items:
                try:
                    part, size = self._whole(item, left // (20 if container.fields else 2))
                except _FullError:
                    if container.fields:
                        continue
                    break  # the next one is too long: what fitted is shown
                left -= size + _overhead(label)
                if left < 0 or (len(pairs) == _FIRST and not container.fields):
                    break
                pairs.append((label, part))
        finally:
            self._path.pop()
        if pairs:
            cut["first"] = container.build(pairs)
        return {"$cut": {**cut, **_spread(value)}}

    def _cut_of(self, type_: str, length: int, value: object) -> dict[str, Json]:
        return {"type": type_, "length": length, "digest": self._tables.short_digest(value)}

    def _cut_scalar(self, value: Any, room: int) -> Json:
        """Return the form of a value without items that does not fit."""
        cls = type(value)
        size = max(0, min(200, (room - _CUT) // 2))  # of either end
        if cls is str:
            value = normal(value)
            return {"$cut": {**self._cut_of("str", len(value), value), **_ends(value, size)}}
        if cls in (bytes, bytearray):
            return {
                "$cut": {**self._cut_of(cls.__name__, len(value), value), **_ends(value, size // 4)}
            }
        if cls is int:
            digest = self._tables.short_digest(value)
            return {"$cut": {"type": "int", "bits": value.bit_length(), "digest": digest}}
        return self._leaf(value, room)

    def _leaf(self, value: Any, room: int) -> Json:
        if type(value) in _LEAVES or text(value) is not None:
            return _leaf(value, room)
        return self._tables.form(value, room)

    def _container(self, value: Any) -> Optional[_Container]:
        if type(value) in _LEAVES:
            return None
        plain = _plain_container(value, self._encoded)
        if plain is not None or text(value) or numpy_kind(value) or pandas_kind(value):
            return plain
        if id(value) not in self._parts:
            self._parts[id(value)] = (value, parts(value))
        named = self._parts[id(value)][1]
        wrap = _node_maker("$" + named.kind, named.type, "fields")
        fields = named.fields
        return _Container(named.type, len(fields), fields, _as_object, wrap, fields=True)

    def _encoded(self, value: Any) -> bytes:
        """Return the canonical form; raises `_FullError` where only a graph has one."""
        if type(value) in _LEAVES:
            return encoded(value)
        kept = self._forms.get(id(value))
        if kept is None:
            try:
                form: Optional[bytes] = encoded(value)
            except TooManyPathsError:
                form = None
            kept = (value, form)
            self._room_for_forms -= _ENTRY + len(form or b"")
            if self._room_for_forms >= 0:
                self._forms[id(value)] = kept
        if kept[1] is None:
            raise _FullError
        return kept[1]


def _has_large_items(value: Any) -> bool:
    """Return whether a value is a list or tuple whose first item has items itself."""
    if type(value) not in (list, tuple) or not value:
        return False
    return type(value[0]) not in _LEAVES and text(value[0]) is None


def _spread(value: Any) -> Dict[str, Json]:
    """Return the range of a list's numbers; `fsum` gives the same mean on every processor."""
    if type(value) not in (list, tuple) or not value:
        return {}
    if not {type(item) for item in value} <= {int, float}:
        return {}
    try:
        mean = math.fsum(value) / len(value)
    except (OverflowError, ValueError):  # beyond a float; infinities of both signs
        return {}
    spread = {"min": min(value), "max": max(value), "mean": mean}
    return {name: _LEAVES[type(number)](number) for name, number in spread.items()}


def _length(form: Json) -> int:
    return len(json.dumps(form, ensure_ascii=False))


def _overhead(label: Json) -> int:
    """Return the number of characters of an item besides its value: separator, key, brackets."""
    return 2 if label is None else _length(label) + 6


def _measured(leaf: Json, room: int) -> Tuple[Json, int]:
    size = _length(leaf)
    if size > room:
        raise _FullError
    return leaf, size


def _ends(value: Any, size: int) -> dict[str, Json]:
    """Return the beginning and the end of a text."""
    shown = [value[:size], value[len(value) - size :]]
    if type(value) is str:
        first, last = (part.encode("utf-8", "backslashreplace").decode() for part in shown)
    else:
        first, last = map(_ascii, shown)
    return {"first": first, "last": last}


def _leaf(value: Any, room: int) -> Json:
    """Return the form of a scalar; it may be longer than `room`."""
    cls = type(value)
    if cls in _LEAVES:
        if cls in (str, bytes, bytearray) and len(value) > room:
            raise _FullError
        return _LEAVES[cls](value)
    kind_and_text = text(value)
    assert kind_and_text is not None
    return {"$" + kind_and_text[0]: kind_and_text[1]}


def _small(value: object) -> Json:
    """Return the form of an element of an array or a column."""
    return readable(value, 200)


def _entire(value: object) -> Json:
    """Return the form of an element with nothing cut."""
    return _Reader(Tables(_entire)).all_of(value)


def _plain_container(  # noqa: PLR0911  one per type
    value: Any, form_of: Callable[[Any], bytes]
) -> Optional[_Container]:
    """Return a plain container with its items; those of a set are sorted by `form_of`."""
    cls = type(value)
    if cls is list:
        return _Container("list", len(value), _unlabelled(value), _as_list, _bare)
    if cls is tuple:
        return _Container("tuple", len(value), _unlabelled(value), _as_list, _tagged("$tuple"))
    if cls in (set, frozenset, Unordered):
        name = "frozenset" if cls is frozenset else "set"
        items = _unlabelled(_sorted(value, lambda item: item, form_of))
        return _Container(name, len(value), items, _as_list, _tagged("$" + name))
    if cls is dict:
        by_key = _sorted(value.items(), _key_of, form_of)
        plain = all(type(key) is str and key[:1] != "$" and _is_text(key) for key in value)
        if plain and len(set(map(normal, value))) == len(value):
            return _Container("dict", len(value), by_key, _as_object, _bare)
        return _Container("dict", len(value), _rendered(by_key), _as_pairs, _tagged("$dict"))
    if cls in MAPPINGS or cls is collections.OrderedDict:
        name = MAPPINGS.get(cls, "collections.OrderedDict")
        pairs = (
            value.items()
            if cls is collections.OrderedDict
            else _sorted(value.items(), _key_of, form_of)
        )
        wrap = _node_maker("$mapping", name, "items")
        return _Container(name, len(value), _rendered(pairs), _as_pairs, wrap)
    return None


def _sorted(
    items: Iterable[Any], key: Callable[[Any], Any], form_of: Callable[[Any], bytes]
) -> Iterator[Any]:
    """Yield items sorted by their keys if all are str or all are int, otherwise by their forms."""
    items = list(items)
    types = {type(key(item)) for item in items}
    if types in ({str}, {int}):
        yield from sorted(items, key=key)
    else:
        items.sort(key=lambda item: form_of(key(item)))
        yield from items


def _key_of(pair: Tuple[Any, Any]) -> Any:
    return pair[0]


def _rendered(pairs: Iterable[Tuple[Any, Any]]) -> Iterator[Tuple[Json, Any]]:
    return ((readable(key, 200), item) for key, item in pairs)


def _unlabelled(items: Iterable[Any]) -> Iterator[Tuple[None, Any]]:
    return ((None, item) for item in items)


def _as_list(pairs: Pairs) -> Json:
    return [item for _, item in pairs]


def _as_object(pairs: Pairs) -> Json:
    return {normal(str(label)): item for label, item in pairs}


def _as_pairs(pairs: Pairs) -> Json:
    return [[label, item] for label, item in pairs]


def _bare(inner: Json) -> Json:
    return inner


def _tagged(tag: str) -> Callable[[Json], Json]:
    return lambda inner: {tag: inner}


def _node_maker(tag: str, type_: str, part: str) -> Callable[[Json], Json]:
    return lambda inner: {tag: {"type": type_, part: inner}}


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _ascii(value: Union[bytes, bytearray]) -> str:
    return repr(bytes(value))[2:-1]


def _str(value: str) -> Json:
    value = normal(value)
    if _is_text(value):
        return value
    # Doubled, so that no text of backslashes looks like a surrogate.
    escaped = value.replace("\\", "\\\\").encode("utf-8", "backslashreplace")
    return {"$str": escaped.decode()}


def _int(value: int) -> Json:
    if abs(value) < 1 << 63:
        return value
    if value.bit_length() > 10_000:  # beyond what `str` and other JSON readers take
        raise _FullError
    return {"$int": str(value)}


def _float(value: float) -> Json:
    return value if math.isfinite(value) else {"$float": str(value)}


_LEAVES: Dict[type, Callable[[Any], Json]] = {
    type(None): lambda _: None,
    bool: lambda value: value,
    int: _int,
    float: _float,
    complex: lambda value: {"$complex": str(value)},
    str: _str,
    bytes: lambda value: {"$bytes": _ascii(value)},
    bytearray: lambda value: {"$bytearray": _ascii(value)},
}
