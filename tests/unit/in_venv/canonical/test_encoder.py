"""The digest of a value, and its readable form: `in_venv/_flowrepro`."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import hashlib
import json
import math
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable  # noqa: TC003  hypothesis reads annotations
from pathlib import Path
from random import Random  # noqa: TC003  hypothesis reads annotations
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from _flowrepro import normalize as normal
from _flowrepro.canonical import encoder as canonical
from _flowrepro.readable import form as readable_form
from pytest_flowrepro.support.in_venv import IN_VENV


def digest(value: object) -> str:
    found: str = canonical.digest(value)
    return found


def readable(value: object, room: int = 4_000) -> Any:
    """As it comes back from a file."""
    return json.loads(json.dumps(readable_form.readable(value, room)))


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int


class Pair(NamedTuple):
    a: int
    b: int


class Untouchable:
    """Raises from everything that a comparison, a print or a look-up might call."""

    def __init__(self, inside: object = 0) -> None:
        self.inside = inside

    def _raise(self, *_: object) -> Any:
        raise RuntimeError("user code was called")

    __eq__ = __hash__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = _raise


@dataclasses.dataclass
class TouchyPoint:
    x: int

    @property
    def surprise(self) -> int:
        raise RuntimeError("user code was called")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("user code was called")

    def __hash__(self) -> int:
        raise RuntimeError("user code was called")

    def __repr__(self) -> str:
        raise RuntimeError("user code was called")


@dataclasses.dataclass(init=False)
class Labelled(list[int]):
    """Its fields are not all of it."""


class Names(list[str]):
    """A subclass may hold more than its items."""


def array_of(*items: object, dtype: Any) -> Any:
    return np.array(list(items), dtype=dtype)


def categories(*names: str, ordered: bool = False) -> pd.Series[Any]:
    return pd.Series(pd.Categorical(["a"], ["a", *names], ordered=ordered))


def with_attrs(**attrs: object) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs.update(attrs)
    return frame


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
NAN_PAYLOAD = np.array([0x7FF8000000000001], dtype="u8").view("f8")
SWAPPED = array_of(1, 2, dtype="f8").astype(">f8")

DIFFERENT: list[tuple[object, object]] = [
    (1, True),
    (1, 1.0),
    (True, 1.0),
    (0, False),
    (0.0, -0.0),
    (0j, -0j),
    (None, False),
    ("a", b"a"),
    (b"a", bytearray(b"a")),
    ("1", 1),
    ("", b""),
    ([1], (1,)),
    ([], ()),
    ([], {}),
    (set(), {}),
    ({1}, frozenset({1})),
    ([1, 2], [2, 1]),
    ([[1], 2], [[1, 2]]),
    (["ab", "c"], ["a", "bc"]),
    ({1: "a"}, {True: "a"}),
    ({1: "a"}, {1.0: "a"}),
    ({"a": 1}, {"a": 1, "b": None}),
    ("\ud800", "\ud801"),
    (10**5000, 10**5000 + 1),
    (float("inf"), float("-inf")),
    (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
    (decimal.Decimal(1), 1),
    (dt.date(2024, 1, 1), dt.datetime(2024, 1, 1)),  # noqa: DTZ001  naive is what is tested
    (dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),  # noqa: DTZ001
    (dt.time(1), dt.time(1, fold=1)),
    (dt.timedelta(days=1), dt.timedelta(days=1, microseconds=1)),
    (
        dt.datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
        dt.datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Paris")),
    ),
    (Path("a"), "a"),
    (Path("a"), Path("b")),
    (Colour.RED, Colour.BLUE),
    (Colour.RED, 1),
    (Mode.READ, Mode.READ | Mode.WRITE),
    (Point(1), Point(2)),
    (Point(1, [1]), Point(1, (1,))),
    (Slotted(1), Slotted(2)),
    (Pair(1, 2), (1, 2)),
    (Pair(1, 2), Pair(2, 1)),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
    (np.float64(1), 1.0),
    (np.float64(1), np.float32(1)),
    (np.bool_(True), True),
    (np.arange(3), [0, 1, 2]),
    (np.arange(3), np.arange(3.0)),
    (np.zeros((2, 3)), np.zeros((3, 2))),
    (np.array(1), np.array([1])),
    (np.zeros(0, dtype="i4"), np.zeros(0, dtype="i8")),
    (np.zeros((0, 3)), np.zeros((3, 0))),
    (array_of(0.0, dtype="f8"), array_of(-0.0, dtype="f8")),
    (array_of("2024-01-01", dtype="M8[D]"), array_of("2024-01-01", dtype="M8[s]")),
    (array_of([1], None, dtype=object), array_of([2], None, dtype=object)),
    (array_of((1, 2.0), dtype="i4,f8"), array_of((1, 3.0), dtype="i4,f8")),
    (FRAME, FRAME.assign(a=[1, 3])),
    (FRAME, FRAME[["b", "a"]]),
    (FRAME, FRAME.set_index("a")),
    (FRAME, FRAME.astype({"a": "int32"})),
    (FRAME, FRAME.rename(columns={"a": "c"})),
    (FRAME, FRAME.rename_axis("rows")),
    (FRAME["a"], FRAME["a"].rename("z")),
    (FRAME["a"], FRAME["a"].array.to_numpy()),
    (pd.Series([1, None], dtype="Int64"), pd.Series([1, 0], dtype="Int64")),
    (pd.Series(["a"], dtype="category"), pd.Series(["a"], dtype=object)),
    (categories("b"), categories("c")),
    (categories("b"), categories("b", ordered=True)),
    (with_attrs(unit="m"), with_attrs(unit="km")),
    (pd.Index([1, 2]), pd.Index([1, 2], name="n")),
    (pd.MultiIndex.from_tuples([(1,)]), pd.Index([1])),
    (pd.NaT, pd.NA),
    (pd.NaT, None),
    (pd.Timestamp(2024, 1, 1), dt.datetime(2024, 1, 1)),  # noqa: DTZ001
    (Untouchable(1), Untouchable(2)),
    (Names(["a"]), ["a"]),
]

EQUAL: list[tuple[object, object]] = [
    (float("nan"), -float("nan")),
    ([float("nan")], [math.nan]),
    ({1: "a", 2: "b"}, {2: "b", 1: "a"}),
    ({"a", "b", "c"}, {"c", "b", "a"}),
    ({frozenset("ab"): 1}, {frozenset("ba"): 1}),
    ("ab", "abc"[:2]),
    (Path("a/b"), Path("a") / "b"),
    (Point(1, {"k": 2}), Point(1, {"k": 2})),
    (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)),  # noqa: UP017
    (collections.defaultdict(int, a=1), collections.defaultdict(list, a=1)),  # type: ignore[arg-type]
    (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    (np.arange(10)[::2], np.array([0, 2, 4, 6, 8])),
    (SWAPPED, array_of(1, 2, dtype="f8")),
    (np.zeros((2, 0)), np.zeros((2, 0))),
    (NAN_PAYLOAD, array_of(float("nan"), dtype="f8")),
    (NAN_PAYLOAD.astype("c16"), array_of(complex("nan"), dtype="c16")),
    (
        np.zeros(2, dtype=np.dtype("i1,f8", align=True)),
        np.zeros(2, dtype=np.dtype("i1,f8", align=False)),
    ),
    (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame([[1, 2]], columns=["a", "b"])),
    (pd.RangeIndex(3), pd.Index([0, 1, 2])),
    (pd.Series([1, 2, 3])[::-1][::-1], pd.Series([1, 2, 3])),
    (pd.Series([1.5, None], dtype="Float64"), pd.Series([1.5, pd.NA], dtype="Float64")),
    (
        pd.date_range("2024", periods=2),
        pd.DatetimeIndex(["2024-01-01", "2024-01-02"]).as_unit("us"),
    ),
    (Untouchable(1), Untouchable(1)),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=lambda value: type(value).__name__)
def test_different_values_have_different_digests(one: object, other: object) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=lambda value: type(value).__name__)
def test_equal_values_have_equal_digests(one: object, other: object) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize("pair", DIFFERENT, ids=lambda pair: type(pair[0]).__name__)
def test_a_pickled_copy_is_equal(pair: tuple[object, object]) -> None:
    for value in pair:
        assert digest(pickle.loads(pickle.dumps(value, 4))) == digest(value)


@pytest.mark.parametrize("pair", DIFFERENT, ids=lambda pair: type(pair[0]).__name__)
def test_every_value_has_a_readable_form_in_its_bounds(pair: tuple[object, object]) -> None:
    for value in pair:
        assert len(json.dumps(readable(value))) <= 4_400


def test_the_digest_is_the_documented_one() -> None:
    canonical_form = b"flowrepro value 1\n" + b"l3;" + b"i1;7" + b"s2;\xc3\xa4" + b"T"
    assert digest([7, "ä", True]) == "sha256:" + hashlib.sha256(canonical_form).hexdigest()


# --- properties -----------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.timedeltas()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(values)
def test_a_value_equals_its_pickled_copy(value: object) -> None:
    assert digest(pickle.loads(pickle.dumps(value))) == digest(value)


@pytest.mark.slow
@given(st.dictionaries(st.text() | st.integers() | st.booleans() | st.none(), values), st.randoms())
def test_the_order_of_a_dict_does_not_matter(value: dict[Any, Any], shuffle: Random) -> None:
    items = list(value.items())
    shuffle.shuffle(items)
    assert digest(dict(items)) == digest(value)
    assert readable(dict(items)) == readable(value)


@given(st.lists(st.text() | st.integers() | st.tuples(st.integers(), st.text())), st.randoms())
def test_the_order_of_a_set_does_not_matter(items: list[Any], shuffle: Random) -> None:
    before = set(items)
    shuffle.shuffle(items)
    assert digest(set(items)) == digest(before)
    assert readable(set(items)) == readable(before)


class Plain:
    """It has a state, so that one and a copy of it are not the same."""

    def __init__(self) -> None:
        self.x = 1


def around(inside: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """A list that holds ones that hold it, at two depths."""
    root: list[Any] = [inside]
    found = [inside(root) for _ in range(9)]
    root[:] = [found, [[found[0]]]]
    return root


@pytest.mark.slow
@given(values)
def test_a_repeated_object_is_written_as_if_it_occurred_once(value: object) -> None:
    copies = [pickle.loads(pickle.dumps(value)) for _ in range(9)]
    assert digest([[value]] * 9) == digest([[one] for one in copies])
    for often in ([Plain(), value], {"k": [Plain()], "v": value}, [np.arange(2.0), (value,)]):
        each = [copy.copy(often) for _ in range(9)]
        assert digest([often] * 9) == digest(each)
        assert digest({"a": [often] * 9, "b": often}) == digest({"a": each, "b": each[0]})
    one: list[Any] = []

    def same(root: list[Any]) -> list[Any]:
        one[:] = [root, value]
        return one

    assert digest(around(same)) == digest(around(lambda root: [root, value]))


def test_a_repeated_object_is_walked_once() -> None:
    written: list[bytes] = []
    canonical.Encoder(written.append, 100).encode([{f"key {n}": n for n in range(50)}] * 1_000)
    assert len(written) < 1_200


@pytest.mark.slow
@given(values, values)
def test_two_values_share_a_digest_only_if_they_share_a_form(one: object, other: object) -> None:
    assert (digest(one) == digest(other)) == (canonical.encoded(one) == canonical.encoded(other))


@given(st.lists(scalars, min_size=1), st.data())
def test_a_change_of_one_leaf_changes_the_digest(items: list[Any], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(items) - 1))
    leaf = data.draw(scalars)
    if canonical.encoded(leaf) != canonical.encoded(items[position]):
        changed = [*items[:position], leaf, *items[position + 1 :]]
        assert digest(changed) != digest(items)
        assert digest({"k": [changed]}) != digest({"k": [items]})


@given(values, st.integers(60, 2_000))
def test_the_readable_form_keeps_its_bounds(value: object, room: int) -> None:
    text = json.dumps(readable(value, room), ensure_ascii=False)
    assert len(text) <= 1.1 * room + 150


# --- structure ------------------------------------------------------------------------


def test_cycles_are_part_of_the_value_and_end() -> None:
    one: list[Any] = [1]
    one.append(one)
    other: list[Any] = [1]
    other.append([1, other])
    assert digest(one) == digest(pickle.loads(pickle.dumps(one)))
    assert digest(one) != digest(other)
    assert readable({"c": one}) == {"c": [1, {"$cycle": 1}]}


def test_where_a_cycle_leads_is_part_of_the_value() -> None:
    to_the_inner: list[Any] = [[]]
    to_the_inner[0].append(to_the_inner[0])
    to_the_outer: list[Any] = [[]]
    to_the_outer[0].append(to_the_outer)
    assert digest(to_the_inner) != digest(to_the_outer)


def test_two_nan_keys_do_not_bring_the_insertion_order_in() -> None:
    one, other = float("nan"), float("nan")
    assert digest({one: "a", other: "b"}) == digest({other: "b", one: "a"})


def test_extreme_depth_is_refused_and_not_a_crash() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(canonical.TooDeepError):
        digest(deep)
    while deep:  # a destructor that recurses must not be what is tested
        deep = deep.pop()


def test_user_code_is_never_called() -> None:
    value = {"list": [Untouchable(Untouchable())], "point": TouchyPoint(1)}
    digest(value)
    assert readable(value)["point"]["$dataclass"]["fields"] == {"x": 1}


def test_an_enum_keeps_its_name_unless_it_is_a_combination_of_flags() -> None:
    assert readable(Colour.RED)["$enum"]["fields"] == {"name": "RED", "value": 1}
    assert readable(Mode.READ | Mode.WRITE)["$enum"]["fields"] == {"value": 3}


def test_a_dataclass_over_a_list_is_its_items_as_well() -> None:
    assert digest(Labelled([1])) != digest(Labelled([2]))
    assert readable(Labelled([1]))["$object"]["fields"] == {"(items)": [1]}


def test_a_large_array_is_hashed_without_a_copy() -> None:
    import tracemalloc  # noqa: PLC0415

    array = np.zeros(4_000_000)
    tracemalloc.start()
    try:
        digest(array.reshape(2, -1).T)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < array.nbytes / 4


# --- the readable form ----------------------------------------------------------------

READABLE: list[tuple[object, object]] = [
    (None, None),
    (True, True),
    (3, 3),
    (0.5, 0.5),
    ("ä", "ä"),
    ([1, "a"], [1, "a"]),
    ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
    (2**70, {"$int": str(2**70)}),
    (float("nan"), {"$float": "nan"}),
    (float("-inf"), {"$float": "-inf"}),
    (1j, {"$complex": "1j"}),
    ("a\ud800", {"$str": "a\\ud800"}),
    (b"a\x00", {"$bytes": "a\\x00"}),
    ((1, 2), {"$tuple": [1, 2]}),
    ({3, 1, 2}, {"$set": [1, 2, 3]}),
    (frozenset("a"), {"$frozenset": ["a"]}),
    ({2: "b", 1: "a"}, {"$dict": [[1, "a"], [2, "b"]]}),
    ({"$set": 1}, {"$dict": [["$set", 1]]}),
    (dt.date(2024, 2, 3), {"$date": "2024-02-03"}),
    (dt.datetime(2024, 2, 3, tzinfo=dt.UTC), {"$datetime": "2024-02-03T00:00:00+00:00"}),
    (decimal.Decimal("1.50"), {"$decimal": "1.50"}),
    (Pair(1, 2), {"$namedtuple": {"type": f"{__name__}.Pair", "fields": {"a": 1, "b": 2}}}),
    (np.float32(0.5), {"$numpy": {"dtype": "float32", "value": 0.5}}),
    (
        collections.Counter("aab"),
        {"$mapping": {"type": "collections.Counter", "items": [["a", 2], ["b", 1]]}},
    ),
]


@pytest.mark.parametrize(("value", "expected"), READABLE, ids=lambda value: type(value).__name__)
def test_the_readable_form(value: object, expected: object) -> None:
    assert readable(value) == expected
    assert type(readable(value)) is type(expected)


def test_of_an_object_with_many_fields_the_short_ones_are_shown() -> None:
    fields = [(f"weights_{i}", "list") for i in range(30)] + [
        (f"c_{i}", "float") for i in range(30)
    ]
    model = dataclasses.make_dataclass("Model", fields)
    value = model(*[list(range(5_000))] * 30, *[0.5] * 30)
    cut = readable(value)["$cut"]
    assert (cut["length"], cut["first"]) == (60, {f"c_{i}": 0.5 for i in range(30)})


def test_an_array_shows_its_elements_or_a_summary() -> None:
    small = readable(np.array([1.0, np.nan]))["$array"]
    assert small["values"] == [1.0, {"$float": "nan"}]
    large = readable(np.arange(10_000.0))["$array"]
    assert large["shape"] == [10_000]
    assert (large["min"], large["max"], large["mean"], large["nan"]) == (0.0, 9999.0, 4999.5, 0)
    assert large["digest"] == digest(np.arange(10_000.0))[7:23]


def test_a_frame_shows_its_columns_in_their_order() -> None:
    frame = pd.DataFrame({"z": [1, 2], "a": ["x", None]})
    shown = readable(frame)["$frame"]
    assert shown["shape"] == [2, 2]
    assert [column["name"] for column in shown["columns"]] == ["z", "a"]
    assert shown["columns"][0]["values"] == [1, 2]
    assert shown["index"]["values"] == [0, 1]


def test_a_column_has_one_digest_at_any_place() -> None:
    one = readable(pd.DataFrame({"a": [1, 2]}))["$frame"]["columns"][0]
    other = readable(pd.DataFrame({"b": [0, 0], "c": [1, 2]}, index=[5, 6]))["$frame"]["columns"][1]
    assert one["digest"] == other["digest"]


def test_a_cut_leaves_the_path_to_what_it_cut() -> None:
    shown = readable({"small": 1, "deep": {"large": list(range(5_000))}})
    assert shown["small"] == 1
    cut = shown["deep"]["large"]["$cut"]
    assert (cut["type"], cut["length"], cut["first"]) == ("list", 5_000, [0, 1, 2, 3, 4])
    assert cut["digest"] == digest(list(range(5_000)))[7:23]


def test_one_large_part_leaves_room_for_the_small_ones() -> None:
    middle = list(range(400))  # more than a third of the room, and less than a half
    shown = readable({"large": "x" * 10_000, "middle": middle, "small": 1})
    assert shown["middle"] == middle
    assert shown["large"]["$cut"]["length"] == 10_000


# --- stability ------------------------------------------------------------------------

STABLE = """
import array, collections, dataclasses, datetime, decimal, enum, fractions, functools, ipaddress
import pathlib, re, sys, types, uuid
sys.path.append(sys.argv[1])
from _flowrepro.canonical.encoder import digest
from _flowrepro.readable.form import readable

class Colour(enum.Enum):
    RED = 1
class Mode(enum.Flag):
    READ = 1
    WRITE = 2
@dataclasses.dataclass
class Point:
    x: int
    y: object
Pair = collections.namedtuple("Pair", "a b")
class Model:
    def __init__(self, weights):
        self.weights = weights
class Words(set):
    pass
class Slotted:
    __slots__ = ("x",)
class Table(collections.OrderedDict):
    pass
slotted = Slotted()
slotted.x = slotted

words = "the quick brown fox jumps over the lazy dog".split()
value = {
    "set": set(words), "frozen": frozenset(words), "dict": {word: len(word) for word in set(words)},
    "mixed": {1, "a", None, (2, "b")}, "numbers": [1, 1.5, 2 ** 80, 1j, True, None],
    "point": Point(1, [Colour.RED, Mode.READ | Mode.WRITE]), "pair": Pair(1, b"x"),
    "times": [datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.timezone.utc),
              datetime.timedelta(1, 2, 3), datetime.date(2024, 1, 2)],
    "path": pathlib.PurePosixPath("a/b"), "decimal": decimal.Decimal("1E+3"),
    "model": Model([1, "a"]), "words": Words(words), "slotted": slotted, "table": Table(b=1, a=2),
    "values": [uuid.UUID(int=1), range(3), slice(1), re.compile("a"), fractions.Fraction(1, 2),
               collections.deque([1], 2), array.array("d", [1]), ipaddress.ip_address("::1")],
    "made": [functools.partial(int, base=2), types.SimpleNamespace(a=1), OSError(2, "no", "f"),
             AttributeError("no"), collections.UserDict(a=1), len, Model([]).__init__],
}
print(digest(value), readable(value, 4000))
"""


def run_stable(python: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-B", "-c", STABLE, str(IN_VENV)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("seed", ["1", "2", "12345"])
def test_hash_seeds_do_not_matter(seed: str) -> None:
    expected = run_stable(sys.executable, PYTHONHASHSEED="0")
    found = run_stable(sys.executable, PYTHONHASHSEED=seed)
    assert (expected.returncode, expected.stderr) == (0, "")
    assert found.stdout == expected.stdout


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_python_versions_do_not_matter(version: str) -> None:
    python = shutil.which(f"python{version}")
    if (
        python is None
        or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"no python{version} on this machine")
    expected = run_stable(sys.executable)
    found = run_stable(python)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == expected.stdout


# --- Metaflow's own -------------------------------------------------------------------


def test_a_config_is_its_dict() -> None:
    namespace = {
        "__module__": "metaflow.user_configs.config_parameters",
        "to_dict": lambda _: {"lr": 1},
    }
    config = type("ConfigValue", (), namespace)()
    assert readable(config) == {"$config": {"type": "metaflow.Config", "fields": {"lr": 1}}}


# --- what @catch stores ---------------------------------------------------------------

Caught = type("MetaflowExceptionWrapper", (Exception,), {"__module__": "metaflow.exception"})


def caught(type_: str, message: object, stacktrace: str = "") -> Any:
    wrapper: Any = Caught()
    wrapper.type, wrapper.exception, wrapper.stacktrace = type_, message, stacktrace
    return wrapper


@pytest.fixture
def rerun_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    def place(folder: Path) -> None:
        monkeypatch.setenv("FLOWREPRO_COPY", str(folder / "code"))
        monkeypatch.setenv("VIRTUAL_ENV", str(folder / "venv"))
        monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(folder / "datastore"))
        monkeypatch.setenv("HOME", str(folder / "home"))
        normal.normalise_for(str(folder / "datastore"))

    return place


# The message in a rerun in `{}` -> as it is compared and shown.
MESSAGES = [
    ("'late'", "'late'"),
    ("no file '{}/code/data/x.csv'", "no file '<project>/data/x.csv'"),
    ("['{}/venv/bin/python', '{}/home/x']", "['<environment>/bin/python', '<home>/x']"),
    ("{}/datastore/.metaflow", "<datastore>/.metaflow"),
    ("<object object at 0x7f00beef>", "<object object at 0x...>"),
    ("timed out\nStack when the timeout was raised:\n>  {}/code/flow.py", "timed out"),
]


@pytest.mark.parametrize(("message", "shown"), MESSAGES)
def test_a_caught_exception_is_its_class_and_message_in_any_folder(
    message: str, shown: str, tmp_path: Path, rerun_in: Any
) -> None:
    digests = set()
    for name in ("first", "check"):
        folder = tmp_path / name
        rerun_in(folder)
        value = caught("builtins.KeyError", message.replace("{}", str(folder)), f"in {folder}")
        digests.add(digest(value))
        assert readable(value)["$exception"]["fields"] == {
            "type": "builtins.KeyError",
            "exception": shown,
        }
    assert len(digests) == 1


def test_a_folder_is_left_out_under_each_of_its_names(tmp_path: Path, rerun_in: Any) -> None:
    (tmp_path / "real" / "code").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    rerun_in(tmp_path / "link")
    spelled = (f"no {tmp_path / folder / 'code'}/x" for folder in ("link", "real"))
    assert len({digest(caught("builtins.OSError", message)) for message in spelled}) == 1


def test_another_class_or_message_is_another_exception() -> None:
    values = [
        caught("builtins.KeyError", "'late'"),
        caught("builtins.ValueError", "'late'"),
        caught("builtins.KeyError", "'early'"),
        caught("builtins.KeyError", None),
    ]
    assert len(set(map(digest, values))) == len(values)
