"""The graph of a flow as shapes of an SVG. Pure: the template writes the elements."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.report.html.layout import place_steps
from pytest_flowrepro.support.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_flowrepro.model import GraphStep, StepState
    from pytest_flowrepro.report.html.layout import Edge, Layout

STEP_MARKS: Mapping[StepState, str] = {
    "origin": "≠",
    "downstream": "↳",
    "unchanged": "=",
    "added": "+",
    "removed": "−",  # noqa: RUF001  a minus sign, as wide as the plus sign
    "failed": "!",
    "not reached": "○",
    "not compared": "?",
}
"""The marks next to the states: colour is never the only sign of one."""

_OPENING = {"split", "foreach", "split-switch"}
"""Metaflow's types of steps after which there is more than one."""

_LETTER = 7.3
"""Width of a letter of 12 pixels in a monospaced font, and a little more."""
_LONGEST = 24
"""Letters of a name; a longer one is cut, and complete in the title and in the list."""
_LEAST_WIDTH = 112
_HEIGHT = 46
_GAP = 40
_ROW = _HEIGHT + 20
_MARGIN = 14
_BOX = 520
"""Height of the box that a drawing is scrolled in; page.css has it, too."""
_POINT = 12
_LOOP = 34
"""Room below the steps for edges back to an earlier step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    x: float
    y: float
    middle: float
    """The middle of the room for text, relative to `x`."""
    outline: str
    """The data of a path, relative to `x` and `y`."""
    in_foreach: bool
    name: str
    shown: str
    """The name, cut to fit."""
    type: str
    state: StepState
    mark: str
    next: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    width: int
    height: int
    step_width: int
    nodes: tuple[Node, ...]
    edges: tuple[str, ...]
    loops: tuple[str, ...]
    """The data of paths; loops lead back to an earlier step."""
    title: str
    has_foreach: bool
    is_tall: bool
    """True if it is higher than its box in the page."""


def draw_graph(graph: Sequence[GraphStep]) -> Drawing | None:
    """Return the drawing of a graph, or None if no step is known."""
    if not graph:
        return None
    layout = place_steps(graph)
    longest = min(_LONGEST, max(len(visible(step.name)) for step in graph))
    width = max(_LEAST_WIDTH, round(longest * _LETTER) + 2 * _POINT + 12)
    nodes = tuple(_node(step, layout, width) for step in graph)
    loops = tuple(_loop(edge, layout, width) for edge in layout.edges if not edge.rows)
    bottom = max(node.y for node in nodes) + _HEIGHT
    edges = tuple(_curve(edge, layout, width) for edge in layout.edges if edge.rows)
    rightmost = max(layout.layers.values())
    height = round(bottom) + _MARGIN + (_LOOP if loops else 0)
    return Drawing(
        width=2 * _MARGIN + (rightmost + 1) * width + rightmost * _GAP,
        height=height,
        step_width=width,
        nodes=nodes,
        edges=edges,
        loops=loops,
        title=_title(graph),
        has_foreach=bool(layout.in_foreach),
        is_tall=height > _BOX,
    )


def _title(graph: Sequence[GraphStep]) -> str:
    states = Counter(step.state for step in graph)
    words = ", ".join(f"{states[state]} {state}" for state in STEP_MARKS if states[state])
    return f"Graph of {counted(len(graph), 'step')}: {words}"


def _x(layer: int, width: int) -> int:
    return _MARGIN + layer * (width + _GAP)


def _y(row: float) -> float:
    return round(_MARGIN + row * _ROW, 1)


def _node(step: GraphStep, layout: Layout, width: int) -> Node:
    name = visible(step.name)
    return Node(
        x=_x(layout.layers[step.name], width),
        y=_y(layout.rows[step.name]),
        middle=width / 2 + _POINT / 2 * ((step.type == "join") - (step.type in _OPENING)),
        outline=_outline(step.type, width),
        in_foreach=step.name in layout.in_foreach,
        name=step.name,
        shown=name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…",
        type=step.type,
        state=step.state,
        mark=STEP_MARKS[step.state],
        next=step.next,
    )


def _outline(kind: str, width: int) -> str:
    """Return a pill for the ends, a box with a point where branches begin or meet, else a box."""
    middle, straight = _HEIGHT / 2, width - _POINT
    match kind:
        case "start" | "end":
            flat = width - 2 * middle
            arc = f"a{middle:g} {middle:g} 0 0 1 0"
            return f"M{middle:g} 0h{flat:g}{arc} {_HEIGHT}h{-flat:g}{arc} {-_HEIGHT}z"
        case _ if kind in _OPENING:
            return f"M0 0H{straight}L{width} {middle:g}L{straight} {_HEIGHT}H0z"
        case "join":
            return f"M0 0H{width}V{_HEIGHT}H0L{_POINT} {middle:g}z"
        case _:
            return f"M6 0H{width - 6}q6 0 6 6V{_HEIGHT - 6}q0 6 -6 6H6q-6 0 -6 -6V6q0 -6 6 -6z"


def _curve(edge: Edge, layout: Layout, width: int) -> str:
    """Return an arrow that crosses the layers between its steps straight, in their rows."""
    layer = layout.layers[edge.start]
    x, y = _x(layer, width) + width, _y(edge.rows[0]) + _HEIGHT / 2
    path = f"M{x} {y:g}"
    for row in edge.rows[1:]:
        layer += 1
        to, down = _x(layer, width), _y(row) + _HEIGHT / 2
        middle = (x + to) / 2
        path += f"C{middle:g} {y:g} {middle:g} {down:g} {to} {down:g}"
        x, y = to + width, down
        if layer < layout.layers[edge.end]:
            path += f"H{x}"
    return f"{path}m-6 -4l6 4l-6 4"


def _loop(edge: Edge, layout: Layout, width: int) -> str:
    from_x = _x(layout.layers[edge.start], width) + width * 0.7
    to_x = _x(layout.layers[edge.end], width) + width * 0.3
    from_y = _y(layout.rows[edge.start]) + _HEIGHT
    to_y = _y(layout.rows[edge.end]) + _HEIGHT
    below = max(from_y, to_y) + _LOOP
    curve = f"C{from_x:g} {below:g} {to_x:g} {below:g} {to_x:g} {to_y:g}"
    return f"M{from_x:g} {from_y:g}{curve}m-4 6l4 -6l4 6"
