"""Values whose sets refer to one another: `in_venv/_flowrepro/canonical/graph.py`."""

from __future__ import annotations

import itertools
import pickle
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _flowrepro.canonical import encoder as canonical
from _flowrepro.canonical import graph
from _flowrepro.readable import form as readable_form

if TYPE_CHECKING:
    from collections.abc import Iterable


Links = list[set[int]]


class Person:
    def __init__(self, name: object = None) -> None:
        self.name = name
        self.friends: set[Person] = set()


def people(links: Links, names: Iterable[object] = ()) -> list[Person]:
    found = [Person(name) for name, _ in itertools.zip_longest(names, links)]
    for person, own in zip(found, links, strict=True):
        person.friends = {found[other] for other in own}
    return found


def form(links: Links, names: Iterable[object] = ()) -> bytes:
    found: bytes = graph.graph_form(set(people(links, names)), canonical.shape)
    return found


def form_of_hub(links: Links, names: Iterable[object] = ()) -> bytes:
    """Return the form of a person whom all know, and who knows all."""
    hub, found = Person("hub"), people(links, names)
    hub.friends = set(found)
    for person in found:
        person.friends.add(hub)
    form: bytes = graph.graph_form([hub], canonical.shape)
    return form


def clique(size: int) -> Links:
    return [{other for other in range(size) if other != one} for one in range(size)]


def ring(size: int) -> Links:
    return [{(one - 1) % size, (one + 1) % size} for one in range(size)]


def path(size: int) -> Links:
    return [{other for other in (one - 1, one + 1) if 0 <= other < size} for one in range(size)]


def star(size: int) -> Links:
    return [set(range(1, size)), *({0} for _ in range(1, size))]


def cube(dimensions: int) -> Links:
    return [{one ^ (1 << bit) for bit in range(dimensions)} for one in range(1 << dimensions)]


def side_by_side(*parts: Links) -> Links:
    found: Links = []
    for part in parts:
        start = len(found)
        found += [{start + other for other in own} for own in part]
    return found


def rook(size: int = 4) -> Links:
    cells = list(itertools.product(range(size), repeat=2))
    return [
        {cells.index(b) for b in cells if a != b and (a[0] == b[0] or a[1] == b[1])} for a in cells
    ]


def shrikhande() -> Links:
    """Strongly regular as the rook's graph is, and another: refinement alone takes it for that."""
    steps = [(0, 1), (1, 0), (1, 1), (0, 3), (3, 0), (3, 3)]
    cells = list(itertools.product(range(4), repeat=2))
    return [{cells.index(((a + x) % 4, (b + y) % 4)) for x, y in steps} for a, b in cells]


def frucht() -> Links:
    """Twelve who have three friends each, and no two are in the same place."""
    steps = [-5, -2, -4, 2, 5, -2, 2, 5, -2, -5, 4, 2]
    return [{(n - 1) % 12, (n + 1) % 12, (n + step) % 12} for n, step in enumerate(steps)]


def shuffled(links: Links, seed: int) -> Links:
    places = list(range(len(links)))
    random.Random(seed).shuffle(places)
    found: Links = [set() for _ in links]
    for one, own in enumerate(links):
        found[places[one]] = {places[other] for other in own}
    return found


CYCLIC: list[tuple[str, Links]] = [
    ("clique", clique(20)),
    ("ring", ring(16)),
    ("path", path(24)),
    ("star", star(30)),
    ("cube", cube(4)),
    ("rook", rook()),
    ("Frucht's", frucht()),
    ("pairs", side_by_side(*[clique(2)] * 200)),
    ("rings", side_by_side(*[ring(5)] * 10)),
    ("stars of one", [{len(star(6))}, *side_by_side(star(6), star(6))[1:], {0}]),
]


@pytest.mark.slow
@pytest.mark.parametrize("links", [links for _, links in CYCLIC], ids=[name for name, _ in CYCLIC])
def test_a_cyclic_component_has_one_form_in_whatever_order(links: Links) -> None:
    """Walked path by path, most of these would take years."""
    assert form(shuffled(links, 1)) == form(links)
    assert len({form_of_hub(shuffled(links, seed)) for seed in range(3)}) == 1


def without_one(links: Links) -> Links:
    """One link fewer, from one side only."""
    first = next(one for one, own in enumerate(links) if own)
    return [own - {min(own)} if one == first else own for one, own in enumerate(links)]


OTHERS: list[tuple[str, Links, Links]] = [
    ("two triangles, a hexagon", side_by_side(ring(3), ring(3)), ring(6)),
    ("two squares, an octagon", side_by_side(ring(4), ring(4)), ring(8)),
    ("the rook's graph, Shrikhande's", rook(), shrikhande()),
    ("a cube, two cliques", cube(3), side_by_side(clique(4), clique(4))),
    *((f"a link fewer: {name}", links, without_one(links)) for name, links in CYCLIC),
]


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), [o[1:] for o in OTHERS], ids=[o[0] for o in OTHERS])
def test_different_components_have_different_forms(one: Links, other: Links) -> None:
    assert form(one) != form(other)
    assert form_of_hub(one) != form_of_hub(other)


links_of = st.integers(1, 5).flatmap(
    lambda size: st.lists(st.sets(st.integers(0, size - 1)), min_size=size, max_size=size)
)


def is_same(one: Links, other: Links) -> bool:
    """By trying all orders."""
    size = len(one)
    return size == len(other) and any(
        all({order[i] for i in one[n]} == other[order[n]] for n in range(size))
        for order in itertools.permutations(range(size))
    )


@pytest.mark.slow
@settings(max_examples=150)
@given(links_of, links_of, st.integers(0, 9))
def test_forms_are_equal_where_some_order_makes_two_graphs_one(
    one: Links, other: Links, seed: int
) -> None:
    assert form(shuffled(one, seed)) == form(one)
    assert form_of_hub(shuffled(one, seed)) == form_of_hub(one)
    assert (form_of_hub(one) == form_of_hub(other)) == is_same(one, other)


@settings(max_examples=60)
@given(links_of, st.lists(st.booleans(), min_size=5, max_size=5), st.randoms(use_true_random=False))
def test_forms_of_named_people_are_equal_where_some_order_makes_names_and_links_equal(
    links: Links, names: list[bool], draw: random.Random
) -> None:
    names = names[: len(links)]
    places = draw.sample(range(len(links)), len(links))
    moved: list[bool] = [names[places.index(place)] for place in range(len(links))]
    linked: Links = [{places[o] for o in links[places.index(p)]} for p in range(len(links))]
    assert form_of_hub(linked, moved) == form_of_hub(links, names)
    moved[0] = not moved[0]
    assert form_of_hub(linked, moved) != form_of_hub(links, names)


sets_of_sets = st.sets(st.frozensets(st.tuples(st.integers())))
plain_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | sets_of_sets,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=30,
)


@settings(max_examples=30)
@given(plain_values)
def test_only_sets_of_what_refers_to_each_other_cost_a_graph(value: object) -> None:
    around: list[object] = [value, value]
    around.append({"a cycle of lists and dicts": around})
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(canonical, "graph_form")
        assert canonical.digest(around).startswith("sha256:")


def test_who_is_singled_out_is_part_of_the_form() -> None:
    """In a path the ends are alike, and the middle is not."""
    first, middle, last = people(path(3))

    def of(value: object) -> bytes:
        found: bytes = graph.graph_form(value, canonical.shape)
        return found

    assert of([first]) == of([last]) != of([middle])
    assert of([first, middle]) != of([middle, first])


def test_those_whom_refinement_takes_for_alike_are_known_by_their_places() -> None:
    forms = {graph.graph_form([person], canonical.shape) for person in people(frucht())}
    assert len(forms) == 12


@pytest.mark.parametrize("limit", ["MAX_WORK", "MAX_NODES"])
def test_too_much_is_refused_and_not_guessed(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, limit, 100)
    with pytest.raises(graph.GraphLimitError):
        form(ring(60))


# --- as an artifact's digest ----------------------------------------------------------


@pytest.mark.parametrize("names", [range(14), [None] * 14], ids=["names", "no names"])
def test_friends_of_friends_have_a_digest(names: Iterable[object]) -> None:
    """Walked path by path, that would take years."""
    found = people(clique(14), names)
    digest = canonical.digest(found)
    assert digest == canonical.digest(pickle.loads(pickle.dumps(found)))
    assert digest == canonical.digest(people(shuffled(clique(14), 1), names))
    found[3].name = "another"
    assert canonical.digest(found) != digest
    readable: Any = readable_form.readable(found[3], 4_000)
    shown = readable["$object"]["fields"]
    assert shown["name"] == "another"
    assert (shown["friends"]["$cut"]["type"], shown["friends"]["$cut"]["length"]) == ("set", 13)


@pytest.mark.slow
def test_a_long_ring_of_sets_is_no_deeper_than_it_is_long() -> None:
    found = people([{(one + 1) % 3_000} for one in range(3_000)], range(3_000))
    digest = canonical.digest(set(found))
    found[1_500].name = "another"
    assert canonical.digest(set(found)) != digest


def test_sets_that_share_their_items_are_not_a_tower_of_copies() -> None:
    """Two sets in each of 40 levels, and both have both of the next: a billion paths and more."""
    level: list[Any] = [Person(1), Person(2)]
    for _ in range(40):
        above = [Person(1), Person(2)]
        for person in above:
            person.friends = set(level)
        level = above
    assert canonical.digest(level) == canonical.digest(pickle.loads(pickle.dumps(level)))
