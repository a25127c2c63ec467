from __future__ import annotations

import re
from typing import get_args

import pytest
from sample_report import RETRY, TRAIN, WIDE

from pytest_flowrepro.model import GraphStep, StepState
from pytest_flowrepro.report.html.drawing import STEP_MARKS, draw_graph


def test_each_state_has_a_mark_of_its_own() -> None:
    assert set(STEP_MARKS) == set(get_args(StepState))
    assert len(set(STEP_MARKS.values())) == len(STEP_MARKS)


def test_no_steps_have_no_drawing() -> None:
    assert draw_graph(()) is None


def test_steps_are_inside_the_drawing_and_do_not_overlap() -> None:
    drawing = draw_graph(TRAIN.graph)

    assert drawing is not None
    places = [(node.x, node.y) for node in drawing.nodes]
    assert all(0 <= x <= drawing.width - drawing.step_width for x, _ in places)
    assert all(0 <= y <= drawing.height - 46 for _, y in places)
    for number, (x, y) in enumerate(places):
        for other_x, other_y in places[number + 1 :]:
            assert abs(x - other_x) >= drawing.step_width or abs(y - other_y) >= 46


def test_the_title_counts_the_states() -> None:
    drawing = draw_graph(TRAIN.graph)

    assert drawing is not None
    assert drawing.title == "Graph of 8 steps: 1 origin, 4 downstream, 3 unchanged"
    assert drawing.has_foreach
    assert [node.name for node in drawing.nodes if node.in_foreach] == ["train"]


def test_an_edge_back_is_a_loop_below_the_steps() -> None:
    drawing, straight = draw_graph(RETRY.graph), draw_graph(TRAIN.graph[-2:])

    assert drawing is not None
    assert straight is not None
    assert len(drawing.loops) == 1
    assert len(drawing.edges) == 3
    assert drawing.height > straight.height


def test_a_drawing_of_many_branches_is_tall() -> None:
    tall, flat = draw_graph(WIDE.graph), draw_graph(TRAIN.graph)

    assert tall is not None
    assert flat is not None
    assert (tall.is_tall, flat.is_tall) == (True, False)


@pytest.mark.parametrize("kind", ["start", "end", "linear", "split", "foreach", "join"])
def test_an_outline_is_a_closed_path(kind: str) -> None:
    step = GraphStep(name="a", type=kind, next=(), state="unchanged")
    drawing = draw_graph((step,))

    assert drawing is not None
    assert re.fullmatch(r"M[-\d. a-zA-Z]*z", drawing.nodes[0].outline)


def test_kinds_of_steps_differ_in_shape() -> None:
    outlines = set()
    for kind in ("linear", "foreach", "join", "end"):
        drawing = draw_graph((GraphStep(name="a", type=kind, next=(), state="unchanged"),))
        assert drawing is not None
        outlines.add(drawing.nodes[0].outline)
    assert len(outlines) == 4


def test_text_keeps_clear_of_the_point_of_its_box() -> None:
    def middle(kind: str) -> float:
        drawing = draw_graph((GraphStep(name="a", type=kind, next=(), state="unchanged"),))
        assert drawing is not None
        return drawing.nodes[0].middle - drawing.step_width / 2

    assert middle("foreach") < middle("linear") == 0 < middle("join")


def test_a_long_name_is_cut_in_its_box() -> None:
    drawing = draw_graph((GraphStep(name="n" * 80, type="linear", next=(), state="unchanged"),))

    assert drawing is not None
    assert drawing.nodes[0].shown == "n" * 23 + "…"
    assert drawing.nodes[0].name == "n" * 80
    assert drawing.width < 300
