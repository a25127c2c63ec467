"""Objects by their own reduction, and functions and classes: `in_venv/_flowrepro/reduce`."""

from __future__ import annotations

import array
import collections
import copyreg
import fractions
import functools
import io
import ipaddress
import json
import operator
import os
import pickle
import random
import re
import subprocess
import sys
import textwrap
import types
import uuid
from importlib import import_module
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from _flowrepro.canonical import encoder as canonical
from _flowrepro.readable import form as readable_form
from _flowrepro.reduce import code
from _flowrepro.reduce import reduction as reduce
from pytest_flowrepro.support.in_venv import IN_VENV

if TYPE_CHECKING:
    from pathlib import Path


def digest(value: object) -> str:
    found: str = canonical.digest(value)
    return found


def readable(value: object) -> Any:
    return json.loads(json.dumps(readable_form.readable(value, 4_000)))


def copied(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, 4))


class Node:
    """Attributes, and nothing of its own."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: object) -> None:
        self.a = a


class Half:
    """Its state is not its attributes."""

    def __init__(self, kept: object) -> None:
        self.kept, self.cache = kept, object()

    def __getstate__(self) -> object:
        return (self.kept,)

    def __setstate__(self, state: Any) -> None:
        self.kept, self.cache = state[0], object()


class Equal(Node):
    """What is equal is one value, whether it is one object or two."""

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return 1


class Words(set[str]):
    pass


class Table(dict[str, int]):
    pass


class Ordered(collections.OrderedDict[str, int]):
    pass


class Name(str):
    __slots__ = ()


class Metres(np.ndarray[Any, Any]):
    """An attribute beside the elements, kept when pickled as numpy's documentation has it."""

    def __reduce__(self) -> Any:
        make, args, state = tuple(np.ndarray.__reduce__(self))
        return make, args, (state, vars(self))

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state[0])
        vars(self).update(state[1])


class Places(pd.DataFrame):
    _metadata = ["crs"]  # noqa: RUF012  pandas' own way


class Registered:
    def __init__(self, x: object) -> None:
        self.x = x

    def __reduce__(self) -> Any:
        raise RuntimeError("not to be called: copyreg comes first")


copyreg.pickle(Registered, lambda value: (Registered, (value.x,)))


class Reduced:
    def __init__(self, *reduction: object) -> None:
        self.reduction = reduction

    def __reduce__(self) -> Any:
        return self.reduction


def update(value: Node, state: Any) -> None:
    vars(value).update(state)


class Singleton:
    def __reduce__(self) -> str:
        return "SINGLETON"


SINGLETON = Singleton()


def in_metres(*lengths: float, unit: str = "m", order: Any = "C") -> Any:
    found: Any = np.array([lengths, lengths], order=order).view(Metres)
    found.unit = unit
    return found


def places(crs: str) -> Any:
    found: Any = Places({"a": [1, 2]})
    found.crs = crs
    return found


def noted(note: str) -> ValueError:
    error = ValueError("bad")
    error.add_note(note)
    return error


def used(network: str) -> Any:
    found = ipaddress.ip_network(network)
    assert str(found.broadcast_address)  # is kept in the object's dict
    return found


def shared() -> list[Node]:
    one = Node(x=1)
    return [one, one]


def seeded(seed: int) -> random.Random:
    return random.Random(seed)


DIFFERENT: list[tuple[object, object]] = [
    (Node(x=1), Node(x=2)),
    (Node(x=1), Node(y=1)),
    (Node(x=1), Equal(x=1)),
    (Node(x=[1]), Node(x=(1,))),
    (Slotted(1), Slotted(2)),
    (Half(1), Half(2)),
    (Words("ab"), Words("ac")),
    (Words("ab"), set("ab")),
    (Table(a=1), Table(a=2)),
    (Table(a=1), {"a": 1}),
    (Ordered(a=1, b=2), Ordered(b=2, a=1)),
    (Name("a"), Name("b")),
    (Name("a"), "a"),
    (Registered(1), Registered(2)),
    (Reduced(Node, ()), Reduced(Slotted, (1,))),
    (Reduced(Node, (), {"x": 1}), Reduced(Node, (), {"x": 1}, None, None, update)),
    (Reduced(Node, (), {"(state)": 1}), Reduced(Node, (), 1)),
    (Reduced(Node, (), None, [1]), Reduced(Node, (), {"(items)": [1]})),
    (in_metres(1.0), in_metres(2.0)),
    (in_metres(1.0), in_metres(1.0, unit="km")),
    (places("one"), places("other")),
    (collections.deque([1]), collections.deque([2])),
    (collections.deque([1]), collections.deque([1], maxlen=3)),
    (collections.ChainMap({"a": 1}), collections.ChainMap({"a": 1}, {})),
    (collections.UserDict(a=1), collections.UserDict(a=2)),
    (array.array("i", [1]), array.array("i", [2])),
    (array.array("i", [1]), array.array("d", [1])),
    (uuid.UUID(int=1), uuid.UUID(int=2)),
    (fractions.Fraction(1, 2), fractions.Fraction(1, 3)),
    (fractions.Fraction(1), 1),
    (range(3), range(4)),
    (range(3), [0, 1, 2]),
    (slice(1), slice(2)),
    (Ellipsis, NotImplemented),
    (re.compile("a"), re.compile("b")),
    (re.compile("a"), re.compile("a", re.IGNORECASE)),
    (ValueError("a"), ValueError("b")),
    (ValueError("a"), TypeError("a")),
    (noted("one"), noted("other")),
    (OSError(2, "no", "a"), OSError(2, "no", "b")),
    (ExceptionGroup("g", [ValueError(1)]), ExceptionGroup("g", [ValueError(2)])),
    (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
    (ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("10.0.0.2")),
    (functools.partial(int, base=2), functools.partial(int, base=8)),
    (operator.itemgetter(1), operator.itemgetter(2)),
    (ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Paris")),
    (io.BytesIO(b"a"), io.BytesIO(b"b")),
    (io.StringIO("a"), io.StringIO("b")),
    (seeded(1), seeded(2)),
    (np.dtype("f4"), np.dtype("f8")),
    (np.random.default_rng(1), np.random.default_rng(2)),
    (pd.Categorical(["a"]), pd.Categorical(["b"])),
    (len, max),
    (int, float),
    (Node, Slotted),
    (shared(), [Node(x=1), Node(x=1)]),
]

EQUAL: list[tuple[object, object]] = [
    (Node(a=1, b=2), Node(b=2, a=1)),
    (Node(a={1: "a", 2: "b"}), Node(a={2: "b", 1: "a"})),
    (Half(1), Half(1)),
    (Words(["x", "y", "z"]), Words(["z", "y", "x"])),
    (Table(a=1, b=2), Table(b=2, a=1)),
    (range(0, 9, 2), range(0, 10, 2)),
    (range(5, 5), range(0)),
    (range(1, 2), range(1, 9, 100)),
    (uuid.UUID(int=1), uuid.UUID(int=1, is_safe=uuid.SafeUUID.safe)),
    (ipaddress.ip_network("10.0.0.0/8"), used("10.0.0.0/8")),
    (Node(a=in_metres(1.0, 2.0)), Node(a=in_metres(1.0, 2.0, order="F"))),
    (Node(x="ab", y="ab"), Node(x="ab", y="abc"[:2])),  # interned or not
    ([Equal(x=1)] * 2, [Equal(x=1), Equal(x=1)]),
    ([np.dtype("f8")] * 2, [np.dtype("f8"), copied(np.dtype("f8"))]),
    (np.dtype("<f8"), np.dtype(">f8")),
]


def name_of(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=name_of)
def test_different_objects_have_different_digests(one: object, other: object) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=name_of)
def test_equal_objects_have_equal_digests(one: object, other: object) -> None:
    assert digest(one) == digest(other)
    assert readable(one) == readable(other)


@pytest.mark.parametrize("pair", [*DIFFERENT, *EQUAL], ids=lambda pair: name_of(pair[0]))
def test_a_pickled_copy_is_equal(pair: tuple[object, object]) -> None:
    for value in pair:
        if not isinstance(value, Reduced):  # whose copy is of the class that it says
            assert digest(copied(value)) == digest(value)
        assert len(json.dumps(readable(value))) <= 4_400


# --- properties -----------------------------------------------------------------------

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
names = st.text("abcxyz", min_size=1, max_size=3)
objects = st.recursive(
    leaves,
    lambda inner: (
        st.dictionaries(names, inner, max_size=4).map(lambda found: Node(**found))
        | st.dictionaries(names, inner, max_size=4)
        | st.lists(inner, max_size=4)
        | inner.map(Slotted)
        | inner.map(Half)
        | st.lists(inner, max_size=3).map(collections.deque)
    ),
    max_leaves=15,
)


@pytest.mark.slow
@given(objects)
def test_an_object_equals_its_pickled_copy(value: object) -> None:
    assert digest(copied(value)) == digest(value)
    assert readable(copied(value)) == readable(value)


@pytest.mark.slow
@given(st.dictionaries(names, objects), st.randoms())
def test_the_order_of_attributes_does_not_matter(
    attributes: dict[str, Any], shuffle: random.Random
) -> None:
    items = list(attributes.items())
    shuffle.shuffle(items)
    assert digest(Node(**dict(items))) == digest(Node(**attributes))


@given(st.dictionaries(names, leaves, min_size=1), leaves, st.data())
def test_a_change_of_one_leaf_changes_the_digest(
    attributes: dict[str, Any], leaf: object, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(attributes)))
    if canonical.encoded(leaf) != canonical.encoded(attributes[name]):
        changed = {**attributes, name: leaf}
        assert digest([Node(n=Node(**changed))]) != digest([Node(n=Node(**attributes))])


def test_the_digest_does_not_depend_on_what_was_loaded_before() -> None:
    """The first has its name interned, and its pickle refers to it; that of the second does not."""
    name = f"a name never seen before {uuid.uuid4()}"
    data = pickle.dumps(Node(**{name: 1, "other": name}), 4)
    first, second = pickle.loads(data), pickle.loads(data)
    assert pickle.dumps(first, 4) != pickle.dumps(second, 4)
    assert digest(first) == digest(second)
    assert digest([first, second]) == digest([second, first])


UNSTABLE = """
import pickle, sys
sys.path.append(sys.argv[1])
sys.modules["model"] = sys.modules["__main__"]
from _flowrepro.canonical.encoder import digest
class Words(set): pass
class Model:
    pass
Words.__module__ = Model.__module__ = "model"
def fitted():
    model = Model()
    model.words = Words("the quick brown fox jumps over the lazy dog".split())
    model.vocabulary = {word: i for i, word in enumerate(sorted(model.words))}
    for word in model.words:  # in the order of their hashes
        setattr(model, word, len(word))
    return model
data = pickle.dumps(fitted(), 4)
print(len({digest(model) for model in (fitted(), pickle.loads(data))}), digest(fitted()))
import hashlib
print(hashlib.sha256(data).hexdigest())
"""


def test_what_pickles_in_another_way_in_each_process_is_one_value() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", UNSTABLE, str(IN_VENV)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("0", "1", "2")
    ]
    assert {(count, found) for count, found, _ in said} == {("1", said[0][1])}
    assert len({data for _, _, data in said}) > 1, "their pickles do differ"


# --- cycles, sharing, depth -----------------------------------------------------------


def test_cycles_are_part_of_the_value_and_end() -> None:
    one, other = Node(), Node()
    vars(one)["me"] = one
    vars(other)["me"] = Node(me=other)
    assert digest(one) == digest(copied(one)) != digest(other)
    assert readable(one)["$object"]["fields"] == {"me": {"$cycle": 1}}


def test_who_is_shared_is_part_of_the_value_and_not_how_it_is_numbered() -> None:
    a, b = Node(x=1), Node(x=1)
    assert digest([a, b, a]) != digest([a, b, b])
    assert digest({"p": a, "q": b, "r": a}) == digest({"r": b, "q": a, "p": b})


def test_a_set_of_objects_has_no_order() -> None:
    inner = Node(y=1)
    nodes = [Node(x=i, inner=inner) for i in range(20)]
    found = {digest({"all": set(copied(nodes[::step])), "rest": [1]}) for step in (1, -1)}
    assert len(found) == 1


def test_what_reducing_makes_is_never_taken_for_something_else() -> None:
    class Fresh:
        def __reduce__(self) -> Any:
            return Node, (), {"state": Node(x=1)}

    assert canonical.encoded([Fresh() for _ in range(100)]).count(b"s1;x") == 100


def chain(length: int) -> Node:
    found = Node(next=None)
    for _ in range(length):
        found = Node(next=[found])
    return found


def test_a_long_chain_of_objects_is_walked() -> None:
    assert digest(chain(1_000)) == digest(chain(1_000)) != digest(chain(1_001))
    assert len(json.dumps(readable(chain(1_000)))) <= 4_400
    with pytest.raises(canonical.TooDeepError):
        digest(chain(3_000))


# --- what cannot be walked ------------------------------------------------------------


class Bad:
    def __init__(self, reduction: object) -> None:
        self.reduction = reduction

    def __reduce_ex__(self, protocol: Any) -> Any:
        if isinstance(self.reduction, Exception):
            raise self.reduction
        return self.reduction


def endless() -> Any:
    class Endless:
        def __reduce__(self) -> Any:
            return Endless, (Endless(),)

    return Endless()


BAD: list[tuple[object, type[Exception]]] = [
    (Bad(RuntimeError("no")), RuntimeError),
    (Bad(None), reduce.UnwalkableError),
    (Bad(()), reduce.UnwalkableError),
    (Bad((1, ())), reduce.UnwalkableError),
    (Bad((int, 1)), reduce.UnwalkableError),
    (Bad((int, (), 1, 2, 3, 4, 5)), reduce.UnwalkableError),
    (Bad((int, (), None, 3)), TypeError),
    (Bad((int, (), None, None, [3])), TypeError),
    (endless(), canonical.TooDeepError),
    ((number for number in [1]), TypeError),
]


@pytest.mark.parametrize(("value", "error"), BAD)
def test_what_cannot_be_walked_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        digest({"inside": [value]})


# --- functions and classes ------------------------------------------------------------

MODULE = '''
import functools
def count(function):
    @functools.wraps(function)
    def counted(*args):
        return function(*args)
    return counted
class Base:
    def area(self):
        return 1
class Shape(Base):
    """A shape."""
    name = f"{1 + 1} {'a'}"
def area(shape, unit="m"):
    return shape * 2
@count
def counted(x):
    return x
double = lambda x: x * 2
def scaled(factor):
    def scale(x):
        return x * factor
    return scale
twice, thrice = scaled(2), scaled(3)
'''


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def load(source: str) -> Any:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "shapes.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "shapes", raising=False)
        code.is_own.cache_clear()
        return import_module("shapes")

    return load


NAMES = ("Base", "Shape", "area", "counted", "double", "twice", "thrice")
# What is changed in the module -> whose value that is.
EDITS = [
    ("return shape * 2", "return shape * 3", {"area"}),
    ('unit="m"', 'unit="km"', {"area"}),
    ("        return 1", "        return 2", {"Base", "Shape"}),
    ("{1 + 1}", "{1 + 2}", {"Shape"}),
    ("    return x\n", "    return -x\n", {"counted"}),
    ("x: x * 2", "x: x * 3", {"double"}),
    ("x * factor", "x + factor", {"twice", "thrice"}),
    ("scaled(2)", "scaled(4)", {"twice"}),
    ("def area(shape", "# A comment.\n\n\ndef  area( shape", set()),
    ("    return shape * 2", "        # deeper\n        return shape*2  # more", set()),
    ("import functools", "import functools, os\nother = 1", set()),
]


@pytest.mark.parametrize(("old", "new", "changed"), EDITS)
def test_a_function_or_class_of_the_flows_code_is_its_source(
    old: str, new: str, changed: set[str], load: Any
) -> None:
    def digests(source: str) -> dict[str, str]:
        module = load(source)
        return {name: digest([vars(module)[name]]) for name in NAMES}

    before, now = digests(MODULE), digests(MODULE.replace(old, new))
    assert {name for name in NAMES if before[name] != now[name]} == changed


def test_an_object_does_not_change_with_the_source_of_its_class(load: Any) -> None:
    before = digest(load(MODULE).Shape())
    assert digest(load(MODULE.replace("return 1", "return 2")).Shape()) == before


def test_a_librarys_function_is_its_name() -> None:
    assert readable(textwrap.dedent) == {"$function": {"type": "textwrap.dedent", "fields": {}}}
    assert readable(pd.DataFrame) == {"$class": {"type": "pandas.DataFrame", "fields": {}}}


def test_two_lambdas_of_one_line_are_distinguished(load: Any) -> None:
    shapes = load("a, b = lambda: (1, 'x'), lambda: (2, 'x')\n")
    assert digest(shapes.a) != digest(shapes.b)


def test_tokens_are_those_of_every_python_version() -> None:
    source = 'def f( a ):  # c\n\n    return f"{a!r:>{9}} # {{no}}" + (  1\n    + 2)\n'
    assert code.tokens(source) == ('def f ( a ) :\n    return f"{a!r:>{9}} # {{no}}" + ( 1 + 2 )\n')


# --- the readable form ----------------------------------------------------------------

READABLE: list[tuple[object, object]] = [
    (Node(b=1, a="x"), {"$object": {"type": f"{__name__}.Node", "fields": {"a": "x", "b": 1}}}),
    (Half(1), {"$object": {"type": f"{__name__}.Half", "fields": {"(state)": {"$tuple": [1]}}}}),
    (
        Words("ba"),
        {"$object": {"type": f"{__name__}.Words", "fields": {"(items)": {"$set": ["a", "b"]}}}},
    ),
    (
        Name("a"),
        {"$object": {"type": f"{__name__}.Name", "fields": {"(new)": {"$tuple": ["a"]}}}},
    ),
    (
        ValueError("a"),
        {"$object": {"type": "ValueError", "fields": {"(args)": {"$tuple": ["a"]}}}},
    ),
    (
        SINGLETON,
        {"$object": {"type": f"{__name__}.Singleton", "fields": {"(global)": "SINGLETON"}}},
    ),
    (uuid.UUID(int=1), {"$uuid.UUID": "00000000-0000-0000-0000-000000000001"}),
    (fractions.Fraction(1, 3), {"$fractions.Fraction": "1/3"}),
    (range(0, 9, 2), {"$range": "range(0, 9, 2)"}),
    (ZoneInfo("Europe/Berlin"), {"$zoneinfo.ZoneInfo": "Europe/Berlin"}),
    (
        collections.deque([1], 2),
        {"$deque": {"type": "collections.deque", "fields": {"items": [1], "maxlen": 2}}},
    ),
]


@pytest.mark.parametrize(("value", "expected"), READABLE, ids=name_of)
def test_the_readable_form(value: object, expected: object) -> None:
    assert readable(value) == expected
