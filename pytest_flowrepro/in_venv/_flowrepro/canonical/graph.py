"""A canonical form for values that sets tie into a knot, in polynomial time.

An item of a set has no place of its own, so it can be known only by what it refers to: and where
that is the other items of the set, each of them would be walked by every path that leads to it.
Here each object is one node of a graph. What is on no cycle is known by its parts; a group whose
members all refer to each other is put into an order by colour refinement, with one of those that
are still alike singled out where that does not suffice (McKay & Piperno, "Practical graph
isomorphism, II", 2014). Isomorphic values have one form, and no others share it.
Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import collections
import hashlib
from typing import Any, Callable, Counter, Dict, Iterable, List, NamedTuple, Set, Tuple, Union

MAX_NODES = 300_000
MAX_WORK = 5_000_000
"""Nodes and edges that are looked at for one group; a number, so that no clock decides."""

Place = bytes
Colours = Dict[int, bytes]


class TooAlikeError(ValueError):
    """Too much of the value looks the same from everywhere."""


class Shape(NamedTuple):
    """A value without what it consists of."""

    label: bytes
    items: Iterable[Any]
    is_ordered: bool


class _Node(NamedTuple):
    value: object
    """Kept, so that nothing else gets its id."""
    label: bytes
    items: List[Union[int, bytes]]
    """Other nodes, and the forms of what is none."""
    is_ordered: bool


def graph_form(value: object, shape: Callable[[Any], Union[bytes, Shape]]) -> bytes:
    """32 bytes; `shape` gives the form of what consists of nothing, and the `Shape` of all else.

    Raises `TooAlikeError`, and whatever `shape` raises.
    """
    nodes = _nodes(value, shape)
    groups = list(_groups(nodes))
    group_of = {number: at for at, group in enumerate(groups) for number in group}
    asked = {0}
    for number, node in enumerate(nodes):
        inner = (item for item in node.items if isinstance(item, int))
        asked.update(item for item in inner if group_of[item] != group_of[number])
    forms: Dict[int, bytes] = {}
    for group in groups:
        _Group(nodes, group, forms).close(asked)
    return forms[0]


def _nodes(value: object, shape: Callable[[Any], Union[bytes, Shape]]) -> List[_Node]:
    """Of all that `value` consists of; `value` itself is the first."""
    nodes: List[_Node] = []
    numbers: Dict[int, int] = {}
    waiting: List[Tuple[Any, Shape]] = []

    def item(found: Any) -> Union[int, bytes]:
        if id(found) in numbers:
            return numbers[id(found)]
        known = shape(found)
        if not isinstance(known, Shape):
            return known
        if len(numbers) >= MAX_NODES:
            raise TooAlikeError("more than %d objects, and sets of them" % MAX_NODES)
        numbers[id(found)] = len(numbers)
        waiting.append((found, known))
        return numbers[id(found)]

    root = item(value)
    if isinstance(root, bytes):
        return [_Node(value, root, [], True)]
    for found, known in waiting:  # grows as it is walked
        nodes.append(
            _Node(found, known.label, [item(one) for one in known.items], known.is_ordered)
        )
    return nodes


def _groups(nodes: List[_Node]) -> Iterable[List[int]]:
    """Strongly connected components, each after those that it refers to (Tarjan 1972)."""
    index: Dict[int, int] = {}
    low: Dict[int, int] = {}
    stack: List[int] = []
    closed: Set[int] = set()
    work = [(0, iter(nodes[0].items))]
    index[0] = low[0] = 0
    stack.append(0)
    while work:
        number, items = work[-1]
        for item in items:
            if isinstance(item, bytes) or item in closed:
                continue
            if item in index:
                low[number] = min(low[number], index[item])
                continue
            index[item] = low[item] = len(index)
            stack.append(item)
            work.append((item, iter(nodes[item].items)))
            break
        else:
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[number])
            if low[number] == index[number]:
                group = [stack.pop()]
                while group[-1] != number:
                    group.append(stack.pop())
                closed.update(group)
                yield group


class _Group:
    """Nodes of which each refers to each other, directly or not; or a single one."""

    def __init__(self, nodes: List[_Node], group: List[int], forms: Dict[int, bytes]) -> None:
        self._group = sorted(group)
        self._forms = forms
        self._labels: Colours = {}
        self._out: Dict[int, List[Tuple[Place, int]]] = {number: [] for number in group}
        self._in: Dict[int, List[Tuple[Place, int]]] = {number: [] for number in group}
        self._left = MAX_WORK
        for number in group:
            self._add(number, nodes[number])

    def _add(self, number: int, node: _Node) -> None:
        """Its label with all that is known of it already, and its edges inside the group."""
        items: Iterable[Tuple[Place, Union[int, bytes]]]
        if node.is_ordered:
            items = ((b"%d;" % at, item) for at, item in enumerate(node.items))
        else:
            found: Counter[Any] = collections.Counter(
                self._forms.get(item, item) if isinstance(item, int) else item
                for item in node.items
            )
            items = ((b"*%d;" % count, item) for item, count in found.items())
        parts = []
        for place, item in items:
            if isinstance(item, int) and item in self._out:
                self._out[number].append((place, item))
                self._in[item].append((place, number))
            else:
                form = item if isinstance(item, bytes) else self._forms[item]
                parts.append(place + b"%d;" % len(form) + form)
        if not node.is_ordered:
            parts.sort()
        self._labels[number] = _hash([b"%d;" % len(node.label), node.label, *parts])

    def close(self, asked: Set[int]) -> None:
        """Give the members in `asked` their forms: that of the group, with one singled out."""
        if not any(self._out.values()):
            self._forms[self._group[0]] = self._labels[self._group[0]]
            return
        colours = self._refined(self._group, self._labels)
        shared = collections.Counter(colours.values())
        whole = None
        for number in asked.intersection(self._group):
            if shared[colours[number]] > 1:
                order = self._order(self._group, _marked(colours, number))
                found = self._certificate(order, _marked(self._labels, number))
                self._forms[number] = _hash([b"1", found])
            else:
                whole = whole or self._certificate(self._order(self._group, colours), self._labels)
                self._forms[number] = _hash([b"2", whole, colours[number]])

    def _refined(self, members: List[int], colours: Colours) -> Colours:
        """Two members get two colours where anything within `members` tells them apart."""
        inside = set(members)
        colours = {number: colours[number] for number in members}
        count = len(set(colours.values()))
        while count < len(members):
            self._spend_on(members)
            finer = {
                number: _hash(
                    [
                        colours[number],
                        *sorted(b">" + p + colours[o] for p, o in self._out[number] if o in inside),
                        *sorted(b"<" + p + colours[o] for p, o in self._in[number] if o in inside),
                    ]
                )
                for number in members
            }
            found = len(set(finer.values()))
            if found == count:
                break
            colours, count = finer, found
        return colours

    def _spend_on(self, members: List[int]) -> None:
        self._spend(sum(1 + len(self._out[n]) + len(self._in[n]) for n in members))

    def _spend(self, work: int) -> None:
        self._left -= work
        if self._left < 0:
            raise TooAlikeError("too many of its objects, and sets of them, look alike")

    def _order(self, members: List[int], colours: Colours) -> List[int]:
        """The members in an order that is the same, but for what is alike in every respect."""
        colours = self._refined(members, colours)
        cells = _cells(members, colours)
        order = [cells[colour][0] for colour in sorted(cells) if len(cells[colour]) == 1]
        parts = [self._best(part, colours) for part in self._apart(cells)]
        for _, part in sorted(parts, key=_first):
            order += part
        return order

    def _best(self, members: List[int], colours: Colours) -> Tuple[bytes, List[int]]:
        """The order with the least certificate, whichever of the first that are alike leads."""
        colours = {number: colours[number] for number in members}
        cells = _cells(members, colours)
        tied = min((colour for colour in cells if len(cells[colour]) > 1), default=None)
        if tied is None:
            order = [cells[colour][0] for colour in sorted(cells)]
            return self._certificate(order, colours), order
        orders = [self._order(members, _marked(colours, number)) for number in cells[tied]]
        return min(((self._certificate(order, colours), order) for order in orders), key=_first)

    def _apart(self, cells: Dict[bytes, List[int]]) -> Iterable[List[int]]:
        """Those that are alike, in parts that nothing ties to each other.

        Between two cells all members have equally many edges: so either these tie, or, where most
        of the possible edges are there, those that are missing.
        """
        cell_of = {n: colour for colour in cells if len(cells[colour]) > 1 for n in cells[colour]}
        ties: Dict[int, Set[int]] = {number: set() for number in cell_of}
        for number in cell_of:
            ends: Dict[Tuple[Place, bytes], Set[int]] = {}
            for place, other in self._out[number]:
                if other in cell_of:
                    ends.setdefault((place, cell_of[other]), set()).add(other)
            for (_, colour), found in ends.items():
                if 2 * len(found) > len(cells[colour]):
                    found = set(cells[colour]) - found  # noqa: PLW2901
                self._spend(len(found) + 1)
                for other in found:
                    ties[number].add(other)
                    ties[other].add(number)
        return _connected(ties)

    def _certificate(self, order: List[int], colours: Colours) -> bytes:
        """All that is between members of that order, and nothing of how they were numbered."""
        self._spend_on(order)
        at = {number: b"%d;" % position for position, number in enumerate(order)}
        return _hash(
            part
            for number in order
            for part in (
                colours[number],
                *sorted(place + at[other] for place, other in self._out[number] if other in at),
            )
        )


def _marked(colours: Colours, number: int) -> Colours:
    return {**colours, number: _hash([b"!", colours[number]])}


def _cells(members: List[int], colours: Colours) -> Dict[bytes, List[int]]:
    cells: Dict[bytes, List[int]] = {}
    for number in members:
        cells.setdefault(colours[number], []).append(number)
    return cells


def _connected(ties: Dict[int, Set[int]]) -> Iterable[List[int]]:
    left = set(ties)
    while left:
        part = [left.pop()]
        for number in part:  # grows as it is walked
            found = ties[number] & left
            left -= found
            part += found
        yield part


def _hash(parts: Iterable[bytes]) -> bytes:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(b"%d:" % len(part) + part)
    return sha.digest()


def _first(pair: Tuple[bytes, List[int]]) -> bytes:
    return pair[0]
