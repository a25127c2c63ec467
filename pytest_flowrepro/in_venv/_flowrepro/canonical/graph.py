"""A canonical form for values whose sets refer to one another, as a graph.

An item of a set has no position, so only the objects that it refers to can identify it. If these
are other items of the set, walking every path between them takes exponentially long. Here each
object is a node, and each reference an edge with a label: the position of an item in a list, the
number of references in a set.

A node on no cycle is known by its label and the forms of its items. The members of a strongly
connected component, which all refer to each other, get a canonical order as in McKay & Piperno,
"Practical graph isomorphism, II" (2014): colour refinement gives an ordered partition; where cells
of several members are left, each member of the first one is individualized in turn, and the order
with the least certificate wins. Isomorphic values have one form, and no others share it.

Why it is worth its lines: docs/contributing/decisions/0002-canonical-graph-form.md. Runs in the
flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import collections
import hashlib
from typing import Any, Callable, Counter, Dict, Iterable, List, NamedTuple, Set, Tuple, Union

MAX_NODES = 300_000
MAX_WORK = 5_000_000
"""Visits of a node or an edge for one component; a number, so that no clock decides."""

Edge = Tuple[bytes, int]
"""Its label and the node at its other end."""


class GraphLimitError(ValueError):
    """The graph has too many nodes, or too many of them look the same from everywhere."""


class Shape(NamedTuple):
    """A value apart from its items: its own label, and the items to visit."""

    label: bytes
    items: Iterable[Any]
    is_ordered: bool


class Node(NamedTuple):
    """A value of the graph; the number of a node is its index in `Graph.nodes`."""

    value: object
    """Kept, so that nothing else gets its id."""
    label: bytes
    items: List[Union[int, bytes]]
    """Numbers of other nodes, and the forms of items that are not nodes."""
    is_ordered: bool


def graph_form(value: object, shape: Callable[[Any], Union[bytes, Shape]]) -> bytes:
    """Return the 32 bytes of the canonical form.

    `shape` returns the form of a value without items, and the `Shape` of any other.
    Raises `GraphLimitError`, and whatever `shape` raises.
    """
    graph = Graph(value, shape)
    components = list(graph.components())
    referenced = graph.referenced_from_outside(components)
    forms: Dict[int, bytes] = {}
    for members in components:
        Component(graph, members, forms).assign_forms(referenced)
    return forms[0]


class Graph:
    """The objects that a value consists of, each once; node 0 is the value itself."""

    def __init__(self, value: object, shape: Callable[[Any], Union[bytes, Shape]]) -> None:
        self.nodes: List[Node] = []
        numbers: Dict[int, int] = {}
        waiting: List[Tuple[Any, Shape]] = []

        def number_of(item: Any) -> Union[int, bytes]:
            if id(item) in numbers:
                return numbers[id(item)]
            item_shape = shape(item)
            if not isinstance(item_shape, Shape):
                return item_shape
            if len(numbers) >= MAX_NODES:
                raise GraphLimitError("more than %d objects, and sets of them" % MAX_NODES)
            numbers[id(item)] = len(numbers)
            waiting.append((item, item_shape))
            return numbers[id(item)]

        root = number_of(value)
        if isinstance(root, bytes):
            self.nodes.append(Node(value, root, [], is_ordered=True))
        for item, item_shape in waiting:  # grows as it is walked
            items = [number_of(inner) for inner in item_shape.items]
            self.nodes.append(Node(item, item_shape.label, items, item_shape.is_ordered))

    def components(self) -> Iterable[List[int]]:
        """Yield strongly connected components, each after those that it refers to (Tarjan 1972)."""
        index: Dict[int, int] = {0: 0}
        low: Dict[int, int] = {0: 0}
        stack = [0]
        closed: Set[int] = set()
        work = [(0, iter(self.nodes[0].items))]
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
                work.append((item, iter(self.nodes[item].items)))
                break
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[number])
                if low[number] == index[number]:
                    members = [stack.pop()]
                    while members[-1] != number:
                        members.append(stack.pop())
                    closed.update(members)
                    yield members

    def referenced_from_outside(self, components: List[List[int]]) -> Set[int]:
        """Return the root, and the nodes that a node of another component refers to."""
        component_of = {number: at for at, members in enumerate(components) for number in members}
        referenced = {0}
        for number, node in enumerate(self.nodes):
            items = (item for item in node.items if isinstance(item, int))
            referenced.update(item for item in items if component_of[item] != component_of[number])
        return referenced


class Partition:
    """Nodes in cells of one colour each, the cells ordered by their colours."""

    def __init__(self, colours: Dict[int, bytes]) -> None:
        self.colours = colours

    def cells(self) -> Dict[bytes, List[int]]:
        """Return the nodes of each colour."""
        cells: Dict[bytes, List[int]] = {}
        for number, colour in self.colours.items():
            cells.setdefault(colour, []).append(number)
        return cells

    def restrict(self, members: Iterable[int]) -> Partition:
        """Return the partition of some of the nodes."""
        return Partition({number: self.colours[number] for number in members})

    def individualize(self, number: int) -> Partition:
        """Return the partition with that node in a cell of its own."""
        return Partition({**self.colours, number: _hash([b"!", self.colours[number]])})


class Leaf(NamedTuple):
    """An order of the nodes that the search arrived at."""

    certificate: bytes
    order: List[int]


class Component:
    """A strongly connected component: each member refers to each other, if indirectly."""

    def __init__(self, graph: Graph, members: List[int], forms: Dict[int, bytes]) -> None:
        self._members = sorted(members)
        self._forms = forms
        self._successors: Dict[int, List[Edge]] = {number: [] for number in members}
        self._predecessors: Dict[int, List[Edge]] = {number: [] for number in members}
        self._work_left = MAX_WORK
        labels = {number: self._label(number, graph.nodes[number]) for number in members}
        self._labels = Partition(labels).restrict(self._members)

    def _label(self, number: int, node: Node) -> bytes:
        """Add the node's edges inside the component; return its label with all other items."""
        items: Iterable[Tuple[bytes, Union[int, bytes]]]
        if node.is_ordered:
            items = ((b"%d;" % at, item) for at, item in enumerate(node.items))
        else:
            counts: Counter[Any] = collections.Counter(
                self._forms.get(item, item) if isinstance(item, int) else item
                for item in node.items
            )
            items = ((b"*%d;" % count, item) for item, count in counts.items())
        parts = []
        for edge_label, item in items:
            if isinstance(item, int) and item in self._successors:
                self._successors[number].append((edge_label, item))
                self._predecessors[item].append((edge_label, number))
            else:
                form = item if isinstance(item, bytes) else self._forms[item]
                parts.append(edge_label + b"%d;" % len(form) + form)
        if not node.is_ordered:
            parts.sort()
        return _hash([b"%d;" % len(node.label), node.label, *parts])

    def assign_forms(self, referenced: Set[int]) -> None:
        """Give the members in `referenced` their forms: that of the component, with one marked."""
        if not any(self._successors.values()):  # one node, on no cycle
            number = self._members[0]
            self._forms[number] = self._labels.colours[number]
            return
        partition = self._refine(self._labels)
        cells = partition.cells()
        whole = None
        for number in referenced.intersection(self._members):
            colour = partition.colours[number]
            if len(cells[colour]) > 1:
                order = self._canonical_order(partition.individualize(number))
                certificate = self._certificate(order, self._labels.individualize(number))
                self._forms[number] = _hash([b"1", certificate])
            else:
                whole = whole or self._certificate(self._canonical_order(partition), self._labels)
                self._forms[number] = _hash([b"2", whole, colour])

    def _refine(self, partition: Partition) -> Partition:
        """Split cells until all members of each have as many edges to and from each other cell."""
        colours = partition.colours
        count = len(set(colours.values()))
        while count < len(colours):
            self._spend_on(colours)
            finer = {
                number: _hash(
                    [
                        colour,
                        *sorted(
                            b">" + edge_label + colours[neighbour]
                            for edge_label, neighbour in self._successors[number]
                            if neighbour in colours
                        ),
                        *sorted(
                            b"<" + edge_label + colours[neighbour]
                            for edge_label, neighbour in self._predecessors[number]
                            if neighbour in colours
                        ),
                    ]
                )
                for number, colour in colours.items()
            }
            finer_count = len(set(finer.values()))
            if finer_count == count:
                break
            colours, count = finer, finer_count
        return Partition(colours)

    def _canonical_order(self, partition: Partition) -> List[int]:
        """Return an order that is the same for isomorphic graphs, up to automorphism."""
        partition = self._refine(partition)
        cells = partition.cells()
        order = [cells[colour][0] for colour in sorted(cells) if len(cells[colour]) == 1]
        leaves = [self._search(partition.restrict(part)) for part in self._independent_parts(cells)]
        for leaf in sorted(leaves, key=_certificate_of):
            order += leaf.order
        return order

    def _search(self, partition: Partition) -> Leaf:
        """Individualize each member of the first cell of several; return the least leaf."""
        cells = partition.cells()
        target = min((colour for colour in cells if len(cells[colour]) > 1), default=None)
        if target is None:
            order = [cells[colour][0] for colour in sorted(cells)]
            return Leaf(self._certificate(order, partition), order)
        orders = [self._canonical_order(partition.individualize(node)) for node in cells[target]]
        leaves = (Leaf(self._certificate(order, partition), order) for order in orders)
        return min(leaves, key=_certificate_of)

    def _independent_parts(self, cells: Dict[bytes, List[int]]) -> Iterable[List[int]]:
        """Split the members of cells of several into parts that can be ordered one by one.

        Between two cells all members have equally many edges. So two members depend on each other
        by an edge; or, where most of the possible edges are there, by a missing one.
        """
        colour_of = {
            number: colour for colour in cells if len(cells[colour]) > 1 for number in cells[colour]
        }
        ties: Dict[int, Set[int]] = {number: set() for number in colour_of}
        for number in colour_of:
            ends: Dict[Tuple[bytes, bytes], Set[int]] = {}
            for edge_label, neighbour in self._successors[number]:
                if neighbour in colour_of:
                    ends.setdefault((edge_label, colour_of[neighbour]), set()).add(neighbour)
            for (_, colour), neighbours in ends.items():
                tied = neighbours
                if 2 * len(neighbours) > len(cells[colour]):
                    tied = set(cells[colour]) - neighbours
                self._spend(len(tied) + 1)
                for neighbour in tied:
                    ties[number].add(neighbour)
                    ties[neighbour].add(number)
        return _connected(ties)

    def _certificate(self, order: List[int], partition: Partition) -> bytes:
        """Return the hash of the subgraph in that order, whatever the numbers of the nodes."""
        self._spend_on(order)
        position = {number: b"%d;" % at for at, number in enumerate(order)}
        return _hash(
            part
            for number in order
            for part in (
                partition.colours[number],
                *sorted(
                    edge_label + position[neighbour]
                    for edge_label, neighbour in self._successors[number]
                    if neighbour in position
                ),
            )
        )

    def _spend_on(self, members: Iterable[int]) -> None:
        self._spend(sum(1 + len(self._successors[n]) + len(self._predecessors[n]) for n in members))

    def _spend(self, work: int) -> None:
        self._work_left -= work
        if self._work_left < 0:
            raise GraphLimitError("too many of its objects, and sets of them, look alike")


def _connected(ties: Dict[int, Set[int]]) -> Iterable[List[int]]:
    """Yield the connected components of an undirected graph."""
    left = set(ties)
    while left:
        part = [left.pop()]
        for number in part:  # grows as it is walked
            added = ties[number] & left
            left -= added
            part += added
        yield part


def _hash(parts: Iterable[bytes]) -> bytes:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(b"%d:" % len(part) + part)
    return sha.digest()


def _certificate_of(leaf: Leaf) -> bytes:
    return leaf.certificate
