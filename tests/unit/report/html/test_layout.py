from __future__ import annotations

from itertools import pairwise

from pytest_flowrepro.model import GraphStep
from pytest_flowrepro.report.html.layout import Edge, place_steps


def graph(*lines: str) -> tuple[GraphStep, ...]:
    """Return the steps of lines such as `start split a b`."""
    words = [line.split() for line in lines]
    return tuple(
        GraphStep(name=name, type=kind, next=tuple(then), state="unchanged")
        for name, kind, *then in words
    )


def test_a_chain_is_one_row() -> None:
    layout = place_steps(graph("start start a", "a linear end", "end end"))

    assert layout.layers == {"start": 0, "a": 1, "end": 2}
    assert set(layout.rows.values()) == {0}
    assert [(edge.start, edge.end) for edge in layout.edges] == [("start", "a"), ("a", "end")]


def test_branches_are_apart_and_a_split_and_its_join_are_in_their_middle() -> None:
    layout = place_steps(
        graph(
            "start split a b c", "a linear j", "b linear j", "c linear j", "j join end", "end end"
        )
    )

    assert [layout.rows[name] for name in "abc"] == [0, 1, 2]
    assert {layout.rows[name] for name in ("start", "j", "end")} == {1}


def test_a_join_is_after_the_longest_branch_and_an_edge_past_a_step_has_a_row_of_its_own() -> None:
    layout = place_steps(
        graph("start split a c", "a linear b", "b linear j", "c linear j", "j join end", "end end")
    )

    assert layout.layers["j"] == 3
    (edge,) = (edge for edge in layout.edges if edge.start == "c")
    assert len(edge.rows) == 3
    assert abs(edge.rows[1] - layout.rows["b"]) >= 1


def test_nested_branches_do_not_cross() -> None:
    layout = place_steps(
        graph(
            "start split a b",
            "a split a1 a2",
            "a1 linear aj",
            "a2 linear aj",
            "aj join j",
            "b split b1 b2",
            "b1 linear bj",
            "b2 linear bj",
            "bj join j",
            "j join end",
            "end end",
        )
    )

    rows = layout.rows
    assert rows["a"] < rows["b"]
    assert rows["a1"] < rows["a2"] < rows["b1"] < rows["b2"]
    assert rows["aj"] < rows["bj"]


def test_steps_of_a_layer_never_overlap() -> None:
    names = [f"s{n}" for n in range(20)]
    layout = place_steps(
        graph(
            f"start split {' '.join(names)} far",
            *(f"{name} linear {'late' if n % 2 else 'j'}" for n, name in enumerate(names)),
            "far linear j",
            "late join j",
            "j join end",
            "end end",
        )
    )

    for layer in set(layout.layers.values()):
        rows = sorted(layout.rows[name] for name in layout.layers if layout.layers[name] == layer)
        assert all(b - a > 0.999 for a, b in pairwise(rows))
    assert min(layout.rows.values()) >= 0


def test_an_edge_back_has_no_rows() -> None:
    layout = place_steps(
        graph("start start poll", "poll split-switch poll start end", "end end", "gone linear x")
    )

    assert layout.layers == {"start": 0, "poll": 1, "end": 2, "gone": 0}
    assert Edge(start="poll", end="poll", rows=()) in layout.edges
    assert Edge(start="poll", end="start", rows=()) in layout.edges
    assert "x" not in {edge.end for edge in layout.edges}


def test_the_steps_between_a_foreach_and_its_join_are_in_it() -> None:
    layout = place_steps(
        graph(
            "start foreach a",
            "a split b c",
            "b linear bc",
            "c linear bc",
            "bc join all",
            "all join end",
            "end end",
        )
    )

    assert layout.in_foreach == {"a", "b", "c", "bc"}


def test_no_steps_have_a_layout() -> None:
    assert place_steps(()).edges == ()
