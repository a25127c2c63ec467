"""The readable form of a value (docs/reference/values.md) as a tree, and as one line of text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pytest_flowrepro.diff.values.numbers import is_long
from pytest_flowrepro.support.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.support.strict_json import Json

TYPE = "(type)"
"""The key of the class in the tree of a value with named parts."""

LINE = 60
"""Characters of one rendering: two of them and an arrow fit a terminal."""

Tree: TypeAlias = Any
"""None, bool, int, float, str, list, tuple, set of leaves, dict, or `Leaf`."""


class Leaf(str):
    """A tagged value that is compared as a whole: its JSON, equal where the value is."""

    __slots__ = ("body", "tag")
    tag: str
    body: Json

    def __new__(cls, tag: str, body: Json) -> Self:
        leaf = super().__new__(cls, json.dumps({tag: body}, sort_keys=True))
        leaf.tag, leaf.body = tag, body
        return leaf

    @property
    def details(self) -> dict[str, Any]:
        return self.body if isinstance(self.body, dict) else {}


def tree(value: Json) -> Tree:
    """Return the value as plain Python data; a value without a type in JSON is a `Leaf`."""
    if isinstance(value, list):
        return [tree(item) for item in value]
    if isinstance(value, dict):
        tag = next(iter(value), "")
        if not tag.startswith("$"):
            return {key: tree(item) for key, item in value.items()}
        # An opaque value has the reason under its tag, and other keys next to it.
        return Leaf(tag, value) if tag == "$opaque" else _tagged(tag, value[tag])
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return Leaf("$number", repr(value))  # in Python 1 == 1.0 == True, and 0.0 == -0.0
    return value


def _tagged(tag: str, body: Json) -> Tree:
    match tag, body:
        case "$tuple", list():
            return tuple(tree(item) for item in body)
        case (("$set" | "$frozenset"), list()):
            return {item if isinstance(item := tree(x), Leaf) else Leaf("", x) for x in body}
        case "$dict", list():
            return _pairs(body)
        case "$mapping", {"type": str(name), "items": list(items)}:
            return {TYPE: name, **_pairs(items)}
        case _, {"type": str(name), "fields": dict(fields)}:
            return {TYPE: name, **{key: tree(item) for key, item in fields.items()}}
    return Leaf(tag, body)


def _pairs(pairs: list[Any]) -> dict[Any, Tree]:
    plain = (str, int, float, bool, type(None))
    return {key if isinstance(key, plain) else render(tree(key)): tree(item) for key, item in pairs}


def one_line(artifact: Artifact) -> str:
    """Return `0.91`, `list of 3,000`, `DataFrame 100 x 4`, `opaque sklearn.svm.SVC 1f3a5c7e`."""
    if artifact.determinism == "nondeterministic":
        return "nondeterministic"
    if artifact.opaque and isinstance(artifact.value, dict) and "$opaque" in artifact.value:
        return visible(f"opaque {artifact.type} {artifact.digest[7:15]}")
    try:
        return render(tree(artifact.value))
    except (KeyError, TypeError, ValueError, RecursionError):  # a value edited by hand
        return visible(artifact.type)


def render(item: Tree) -> str:
    """Return one line of at most about `LINE` characters, without control characters."""
    match item:
        case Leaf():
            text = _leaf(item)
        case str():
            text = repr(item)
        case dict():
            text = _mapping(item)
        case list():
            text = _sequence("list", "[", item, "]")
        case tuple():
            text = _sequence("tuple", "(", item, ")" if len(item) != 1 else ",)")
        case set():
            text = _sequence("set", "{", sorted(item), "}")
        case _:
            text = repr(item)
    shown = visible(text)
    return shown if len(shown) <= LINE else shown[: LINE - 4] + " ..."


def _sequence(name: str, opening: str, items: Any, closing: str) -> str:
    if len(items) <= LINE // 3:
        text = opening + ", ".join(render(item) for item in items) + closing
        if len(text) <= LINE:
            return text
    return f"{name} of {len(items):,}"


def _mapping(items: dict[Any, Tree]) -> str:
    name = items.get(TYPE)
    rest = {key: item for key, item in items.items() if key != TYPE}
    if len(rest) <= LINE // 3:
        if name is None:
            text = ", ".join(f"{render(key)}: {render(item)}" for key, item in rest.items())
            text = f"{{{text}}}"
        else:
            text = ", ".join(f"{key}={render(item)}" for key, item in rest.items())
            text = f"{name}({text})"
        if len(text) <= LINE:
            return text
    return (
        f"dict of {len(rest):,}" if name is None else f"{name} with {counted(len(rest), 'value')}"
    )


def _leaf(leaf: Leaf) -> str:
    if leaf.tag in _LEAVES:
        return _LEAVES[leaf.tag](leaf.details)
    if leaf.tag in ("$bytes", "$bytearray"):
        return f"b'{leaf.body}'"
    text = render(tree(leaf.body)) if leaf.tag in ("", "$str") else str(leaf.body)
    return text if leaf.tag in _BARE else f"{leaf.tag.removeprefix('$')} {text}"


_BARE = ("", "$number", "$float", "$int", "$complex", "$str")


def _numpy(body: dict[str, Any]) -> str:
    is_text = is_long(body["dtype"]) and isinstance(body["value"], str)
    return str(body["value"]) if is_text else render(tree(body["value"]))


def _sizes(shape: Iterable[int]) -> str:
    return " x ".join(f"{length:,}" for length in shape)


def _cut(body: dict[str, Any]) -> str:
    if "bits" in body:
        return f"int of {body['bits']:,} bits"
    return f"{body['type']} of {body['length']:,}" if "length" in body else str(body["type"])


_LEAVES: dict[str, Callable[[dict[str, Any]], str]] = {
    "$numpy": lambda body: f"{body['dtype']} {_numpy(body)}",
    "$array": lambda body: f"array {body['dtype']} ({_sizes(body['shape'])})",
    "$frame": lambda body: f"DataFrame {_sizes(body['shape'])}",
    "$series": lambda body: f"Series of {body['length']:,} {body['dtype']}",
    "$numbers": lambda body: f"{body['type']} of {body['length']:,}",
    "$index": lambda body: "MultiIndex" if "levels" in body else f"Index {body['dtype']}",
    "$cut": _cut,
    "$opaque": lambda body: f"opaque {body['type']} {body['digest'][:8]}",
}
