"""Numbers of every type, wherever a number can be, and what is not a number to a tolerance.

tests/tolerance_probe.py reads them in an environment with the libraries.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse

LONG = 1_200
"""Elements that stand in a file of their own."""
Number = Callable[[str], Any]
"""`base`, `below`, `above`, and for labels `first` and `last`, as a number of one type."""
Make = Callable[[list[Any]], Any]


@dataclasses.dataclass
class Point:
    x: Any


class Model:
    def __init__(self, weight: Any) -> None:
        self.weight = weight


Pair = collections.namedtuple("Pair", "left right")

REAL = {"base": 2.0, "below": 2.0078125, "above": 2.5, "first": 1.0, "last": 3.0}
WHOLE = {"base": 100, "below": 101, "above": 120, "first": 90, "last": 127}


def real(make: Callable[[float], Any]) -> Number:
    return lambda level: make(REAL[level])


def whole(make: Callable[[int], Any]) -> Number:
    return lambda level: make(WHOLE[level])


PYTHON: dict[str, Number] = {
    "int": whole(int),
    "huge int": whole(lambda n: n * 10**400),
    "float": real(float),
    "complex": real(lambda x: complex(1.0, x)),
    "Decimal": real(Decimal),
    "Fraction": real(Fraction),
}

NUMPY: dict[str, Number] = {
    **{name: real(vars(np)[name]) for name in ("float16", "float32", "float64", "longdouble")},
    **{
        name: real(lambda x, make=vars(np)[name]: make(complex(x, 0.5)))
        for name in ("complex64", "complex128", "clongdouble")
    },
    **{
        name: whole(vars(np)[name])
        for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
    },
}


def objects(items: list[Any]) -> Any:
    """An array of objects, whatever they are."""
    array = np.empty(len(items), dtype=object)
    for position, item in enumerate(items):
        array[position] = item
    return array


def pad(items: list[Any], more: int) -> list[Any]:
    return [*items, *[items[0]] * more]


ANY: dict[str, tuple[Make, str]] = {
    "alone": (lambda items: items[1], ""),
    "list": (list, "[1]"),
    "tuple": (tuple, "[1]"),
    "dict": (lambda items: {"a": items}, "['a'][1]"),
    "dict with other keys": (lambda items: {1: items[0], (2, 3): items[1]}, "[(2, 3)]"),
    "OrderedDict": (lambda items: collections.OrderedDict(a=items[1]), "['a']"),
    "lists": (lambda items: [[items[0]], items], "[1][1]"),
    "deque": (collections.deque, ".items[1]"),
    "namedtuple": (lambda items: Pair(items[0], items[1]), ".right"),
    "dataclass": (lambda items: Point(items[1]), ".x"),
    "object": (lambda items: Model({"w": items}), ".weight['w'][1]"),
    "object array": (objects, "at [1]"),
    "object array of lists": (lambda items: objects([items, None]), "at [0][1]"),
    "object array of dicts": (lambda items: objects([{"k": items[1]}, None]), "at [0]['k']"),
    "column": (lambda items: pd.DataFrame({"c": pd.Series(items, dtype=object)}), "['c']: 1 of"),
    "column of lists": (lambda items: pd.DataFrame({"c": [items, None]}), "at [0][1]"),
    "column of tuples": (lambda items: pd.DataFrame({"c": [tuple(items), ()]}), "at [0][1]"),
    "column of dicts": (lambda items: pd.DataFrame({"c": [{"k": items[1]}]}), "at [0]['k']"),
    "column of objects": (lambda items: pd.DataFrame({"c": [Point(items[1])]}), "at [0].x"),
    "series": (lambda items: pd.Series(items, dtype=object), "at [1]"),
    "long series": (lambda items: pd.Series(pad(items, LONG), dtype=object), "at [1]"),
    "long column of lists": (
        lambda items: pd.DataFrame({"c": [[items[0]], items] * (LONG // 2)}),
        "first at [1][1]",
    ),
    "index": (
        lambda items: pd.Series(range(len(items)), index=pd.Index(items, dtype=object)),
        "index",
    ),
    "long index": (
        lambda items: pd.Series(
            range(LONG), index=pd.Index([items[1], *range(LONG - 1)], dtype=object)
        ),
        "index",
    ),
    "level": (
        lambda items: pd.DataFrame(
            {"c": [1, 2, 3]}, index=pd.MultiIndex.from_product([["a"], items])
        ),
        "index",
    ),
    "column labels": (
        lambda items: pd.DataFrame([[1] * len(items)], columns=pd.Index(items, dtype=object)),
        "column",
    ),
    "levels of column labels": (
        lambda items: pd.DataFrame([[1, 2, 3]], columns=pd.MultiIndex.from_product([["a"], items])),
        "column",
    ),
}

ARRAYS: dict[str, tuple[Make, str]] = {
    "array": (np.array, "at [1]"),
    "table": (lambda items: np.array([items, items[:1] * 3]), "at [0, 1]"),
    "long array": (lambda items: np.array(pad(items, LONG)), "at [1]"),
    "structured": (
        lambda items: np.array(
            [(n, item) for n, item in enumerate(items)], dtype=[("n", "i4"), ("x", items[0].dtype)]
        ),
        "['x']: 1 of",
    ),
    "record": (
        lambda items: np.array([(1, items[1])], dtype=[("n", "i4"), ("x", items[0].dtype)])[0],
        "[1]",
    ),
    "recarray": (
        lambda items: np.rec.array(
            [(n, item) for n, item in enumerate(items)], dtype=[("n", "i4"), ("x", items[0].dtype)]
        ),
        "['x']: 1 of",
    ),
    "subarray": (
        lambda items: np.array([(items,)], dtype=[("x", items[0].dtype, (3,))]),
        "['x']: 1 of",
    ),
    "masked": (lambda items: np.ma.array(items, mask=[True, False, False]), ".data"),
    "matrix": (lambda items: np.matrix(items), ".array"),
    "object array of arrays": (lambda items: objects([None, np.array(items)]), "at [1]: 1 of 3"),
    "column of arrays": (
        lambda items: pd.DataFrame({"c": objects([np.array(items), None])}),
        "at [0]: 1 of 3",
    ),
    "long column of arrays": (
        lambda items: pd.DataFrame({"c": objects([np.array(items)] * LONG)}),
        "first at [0]: 1 of 3",
    ),
    "array in a dict": (lambda items: {"w": [np.array(items)]}, "['w'][0]: 1 of"),
    "numpy series": (lambda items: pd.Series(np.array(items)), "at [1]"),
    "long numpy series": (lambda items: pd.Series(np.array(pad(items, LONG))), "at [1]"),
    "numpy column": (lambda items: pd.DataFrame({"c": np.array(items)}), "['c']: 1 of"),
    "numpy index": (
        lambda items: pd.Series(range(3), index=pd.Index(np.array(items))),
        "index",
    ),
}

WITHOUT_INDEX = ("float16", "longdouble", "clongdouble")
"""pandas has no index of these."""

PANDAS: dict[str, tuple[Number, Make, str]] = {
    **{
        f"pandas {dtype}": (
            real(float) if "Float" in dtype else whole(int),
            lambda items, dtype=dtype: pd.DataFrame({"c": pd.array([*items, None], dtype=dtype)}),
            "['c']: 1 of",
        )
        for dtype in ("Int8", "UInt16", "Int64", "UInt64", "Float32", "Float64")
    },
    "many Float64": (
        real(float),
        lambda items: pd.Series([*pad(items, LONG), None], dtype="Float64"),
        "at [1]",
    ),
    "index Float64": (
        real(float),
        lambda items: pd.Series(range(3), index=pd.Index(items, dtype="Float64")),
        "index",
    ),
    "sparse": (real(float), lambda items: pd.Series(pd.arrays.SparseArray(items)), "at [1]"),
    "Interval": (real(float), lambda items: pd.Interval(0.0, items[1]), ".right"),
    "interval column": (
        real(float),
        lambda items: pd.DataFrame({"c": pd.arrays.IntervalArray.from_breaks([0.0, items[1]])}),
        "at [0].right",
    ),
    "interval index": (
        real(float),
        lambda items: pd.Series([1], index=pd.IntervalIndex.from_breaks([0.0, items[1]])),
        "index",
    ),
    **{
        f"ArrowDtype {kind}": (
            number,
            lambda items, kind=kind, wrap=wrap: pd.DataFrame(
                {"c": pd.Series([*map(wrap, items), None], dtype=pd.ArrowDtype(kind))}
            ),
            "['c']: 1 of",
        )
        for kind, number, wrap in (
            (pa.float64(), real(float), lambda x: x),
            (pa.float32(), real(float), lambda x: x),
            (pa.int16(), whole(int), lambda x: x),
            (pa.decimal128(20, 10), real(Decimal), lambda x: x),
            (pa.list_(pa.float64()), real(float), lambda x: [1.0, x]),
            (pa.struct([("x", pa.float64())]), real(float), lambda x: {"x": x}),
        )
    },
}

POLARS: dict[str, tuple[Number, Make, str]] = {
    **{
        f"polars {dtype} {kind}": (
            real(float) if "Float" in dtype else whole(int),
            lambda items, dtype=dtype, make=make: make(
                pl.Series("c", [*items, None], dtype=vars(pl)[dtype])
            ),
            ".values",
        )
        for dtype in ("Float32", "Float64", "Int8", "UInt32", "Int64", "Int128")
        for kind, make in (("series", lambda s: s), ("frame", pl.DataFrame))
    },
    "polars many": (real(float), lambda items: pl.Series(pad(items, LONG)), "at [1]"),
    "polars Decimal": (
        real(lambda x: Decimal(str(x))),
        lambda items: pl.Series(items, dtype=pl.Decimal(20, 8)),
        ".values[1]",
    ),
    "polars List": (real(float), lambda items: pl.Series([[items[0]], items]), ".items.values"),
    "polars List of lists": (
        real(float),
        lambda items: pl.Series([[items, []], None]),
        ".items.items.values",
    ),
    "polars many List": (
        real(float),
        lambda items: pl.DataFrame({"c": [items] * LONG}),
        ".c.items.values",
    ),
    "polars Array": (
        real(float),
        lambda items: pl.Series([items], dtype=pl.Array(pl.Float64, 3)),
        ".items.values",
    ),
    "polars Struct": (
        real(float),
        lambda items: pl.Series([{"x": item} for item in items]),
        ".x.values",
    ),
    "polars Object": (
        real(float),
        lambda items: pl.Series("c", [[item] for item in items], dtype=pl.Object),
        ".values[1][0]",
    ),
}

ARROW: dict[str, tuple[Number, Make, str]] = {
    **{
        f"arrow {kind} {shape}": (
            real(float) if "float" in str(kind) or str(kind) == "double" else whole(int),
            lambda items, kind=kind, make=make: make(pa.array([*items, None], type=kind)),
            "values",
        )
        for kind in (pa.float16(), pa.float32(), pa.float64(), pa.int8(), pa.uint64())
        for shape, make in (
            ("array", lambda a: a),
            ("chunks", lambda a: pa.chunked_array([a, a[:1]])),
            ("table", lambda a: pa.table({"c": a})),
        )
    },
    "arrow scalar": (real(float), lambda items: pa.scalar(items[1]), ".value.values"),
    "arrow decimal128": (
        real(Decimal),
        lambda items: pa.array(items, type=pa.decimal128(20, 10)),
        ".values",
    ),
    "arrow decimal256": (
        real(Decimal),
        lambda items: pa.array(items, type=pa.decimal256(40, 10)),
        ".values",
    ),
    "arrow many": (real(float), lambda items: pa.array(pad(items, LONG)), "at [1]"),
    "arrow list": (real(float), lambda items: pa.array([[items[0]], items]), ".items.values"),
    "arrow large list": (
        real(float),
        lambda items: pa.array([items], type=pa.large_list(pa.float32())),
        ".items.values",
    ),
    "arrow fixed list": (
        real(float),
        lambda items: pa.array([items, None], type=pa.list_(pa.float64(), 3)),
        ".items.values",
    ),
    "arrow struct": (
        real(float),
        lambda items: pa.array([{"x": item} for item in items]),
        ".x.values",
    ),
    "arrow map": (
        real(float),
        lambda items: pa.array([[("k", items[1])]], type=pa.map_(pa.string(), pa.float64())),
        "[0][0][1]",
    ),
    "arrow dictionary": (
        real(float),
        lambda items: pa.array(items).dictionary_encode(),
        ".values",
    ),
    "arrow many list": (
        real(float),
        lambda items: pa.table({"c": [items] * LONG}),
        ".c.items.values",
    ),
    "scipy sparse": (real(float), lambda items: scipy.sparse.csr_array([items]), ".data"),
}


def made(number: Number, make: Make) -> Callable[[str], Any]:
    return lambda level: make([number("base"), number(level), number("base")])


def distinct(number: Number, make: Make) -> Callable[[str], Any]:
    """Labels, of which each is there once."""
    return lambda level: make([number("first"), number(level), number("last")])


KEPT_LONG = ("float", "Fraction", "Decimal", "float64", "longdouble", "complex128", "int64")
"""Of the long ones, which take their time: one for each way in which elements are stored."""

KEPT_SCALARS = ("float16", "float32", "float64", "longdouble", "clongdouble", "int8", "uint64")
"""Of numpy's scalars, in the containers of Python."""

LABELS = ("index", "level", "labels")


def numbers() -> dict[str, tuple[Callable[[str], Any], str]]:
    found: dict[str, tuple[Callable[[str], Any], str]] = {}

    def add(name: str, number: Number, make: Make, place: str) -> None:
        is_label = any(word in name for word in LABELS)
        if is_label and name.startswith(WITHOUT_INDEX):
            return
        if "long " in name and name.partition(" in ")[0] not in KEPT_LONG:
            return
        found[name] = ((distinct if is_label else made)(number, make), place)

    scalars = {kind: NUMPY[kind] for kind in KEPT_SCALARS}
    for kind, number in (*PYTHON.items(), *scalars.items()):
        for where, (make, place) in ANY.items():
            add(f"{kind} in {where}", number, make, place)
    for kind, number in NUMPY.items():
        for where, (make, place) in ARRAYS.items():
            add(f"{kind} in {where}", number, make, place)
    for table in (PANDAS, POLARS, ARROW):
        for name, (number, make, place) in table.items():
            add(name, number, make, place)
    return found


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Flags(enum.Flag):
    READ = 1
    WRITE = 2


def times(unit: str) -> tuple[Any, Any]:
    return np.array([10], dtype=f"M8[{unit}]"), np.array([11], dtype=f"M8[{unit}]")


def polars_of(values: list[Any], dtype: Any) -> Any:
    return pl.Series(values, dtype=dtype)


DAY = dt.date(2026, 1, 1)
MOMENT = dt.datetime(2026, 1, 1, 12)

EXACT: dict[str, tuple[Any, Any]] = {
    "bool": (True, False),
    "bool and int": ([True], [2]),
    "int and float": ([1], [1.5]),
    "NaN": ([1.0], [float("nan")]),
    "infinity": ([1.0], [float("inf")]),
    "NaN in an array": (np.array([1.0]), np.array([np.nan])),
    "infinity in an array": (np.array([1.0]), np.array([np.inf])),
    "NaN in a longdouble array": (np.array([1], "longdouble"), np.array([np.nan], "longdouble")),
    "Decimal NaN": (Decimal(1), Decimal("NaN")),
    "float32 and float64": (np.float32(1), np.float64(1.5)),
    "dtypes of arrays": (np.array([1], "i4"), np.array([2], "i8")),
    "shapes": (np.ones((1, 2)), np.ones((2, 1))),
    "length": ([1, 2], [1, 2, 2]),
    "key": ({1: "a"}, {2: "a"}),
    "float key": ({1.0: "a"}, {1.5: "a"}),
    "set": ({1.0}, {1.5}),
    "text": (["1"], ["2"]),
    "bytes": (b"1", b"2"),
    "maxlen": (collections.deque([1], 5), collections.deque([1], 6)),
    "slice": (slice(1, 2), slice(1, 3)),
    "range": (range(5), range(6)),
    "enum": (Level.LOW, Level.HIGH),
    "flag": (Flags.READ, Flags.WRITE),
    "pattern": (re.compile("a", re.IGNORECASE), re.compile("a", re.MULTILINE)),
    "date": (DAY, DAY + dt.timedelta(1)),
    "datetime": (MOMENT, MOMENT + dt.timedelta(0, 1)),
    "timedelta": (dt.timedelta(1), dt.timedelta(2)),
    "datetime64": times("ns"),
    "datetime64 scalar": tuple(array[0] for array in times("s")),
    "timedelta64": tuple(array.astype("i8").view("m8[s]") for array in times("s")),
    "long datetime64": tuple(np.repeat(array, LONG) for array in times("ns")),
    "Timestamp": (pd.Timestamp(10), pd.Timestamp(11)),
    "Timedelta": (pd.Timedelta(10), pd.Timedelta(11)),
    "Timestamps": (pd.Series([pd.Timestamp(10)]), pd.Series([pd.Timestamp(11)])),
    "Timestamps with zone": tuple(pd.Series([pd.Timestamp(n, tz="UTC")] * LONG) for n in (10, 11)),
    "Timedeltas": (pd.Series([pd.Timedelta(10)]), pd.Series([pd.Timedelta(11)])),
    "Period": (pd.Period("2026-01"), pd.Period("2026-02")),
    "offset": (pd.offsets.Day(1), pd.offsets.Day(2)),
    "DatetimeIndex": tuple(
        pd.Series([1], index=pd.DatetimeIndex([pd.Timestamp(n)])) for n in (10, 11)
    ),
    "categories": (pd.Series([1.0], dtype="category"), pd.Series([1.5], dtype="category")),
    "name": (pd.Series([1], name=1.0), pd.Series([1], name=1.5)),
    "mask": (pd.array([1, None], "Int64"), pd.array([None, 1], "Int64")),
    "numpy mask": (np.ma.array([1, 1], mask=[0, 1]), np.ma.array([1, 1], mask=[1, 0])),
    "random state": (np.random.RandomState(1), np.random.RandomState(2)),
    "polars date": (polars_of([DAY], None), polars_of([DAY + dt.timedelta(1)], None)),
    **{
        f"polars {kind} {unit}": (
            polars_of([10, None], vars(pl)[kind](unit)),
            polars_of([11, None], vars(pl)[kind](unit)),
        )
        for kind in ("Datetime", "Duration")
        for unit in ("ns", "us", "ms")
    },
    "polars time": (polars_of([dt.time(1)], None), polars_of([dt.time(1, 0, 1)], None)),
    "polars missing": (pl.Series([1, None, 1]), pl.Series([None, 1, 1])),
    "polars lengths": (pl.Series([[1, 1], [1]]), pl.Series([[1], [1, 1]])),
    "polars length": (pl.Series([1, None]), pl.Series([1, None, None])),
    "polars height": (pl.DataFrame({"a": []}, {"a": pl.Null}), pl.DataFrame({"a": [None]})),
    "polars Boolean": (pl.Series([True]), pl.Series([False])),
    **{
        f"arrow {kind}": (pa.array([10, None], type=kind), pa.array([11, None], type=kind))
        for kind in (
            *(pa.date32(), pa.time32("s"), pa.time64("us"), pa.duration("us")),
            *(pa.timestamp("s"), pa.timestamp("ns", tz="UTC")),
        )
    },
    "arrow date64": (
        pa.array([DAY], type=pa.date64()),
        pa.array([DAY + dt.timedelta(1)], type=pa.date64()),
    ),
    "arrow missing": (pa.array([1, None, 1]), pa.array([None, 1, 1])),
    "arrow lengths": (pa.array([[1, 1], [1]]), pa.array([[1], [1, 1]])),
    "arrow buffer": (pa.py_buffer(b"1"), pa.py_buffer(b"2")),
    "arrow booleans": (pa.array([True]), pa.array([False])),
    "sparse indices": (scipy.sparse.csr_array([[1, 0]]), scipy.sparse.csr_array([[0, 1]])),
    "sparse coordinates": tuple(
        scipy.sparse.coo_array(([1], ([n], [0], [0])), shape=(2, 1, 1)) for n in (0, 1)
    ),
    "sparse shape": (scipy.sparse.csr_array((1, 2)), scipy.sparse.csr_array((1, 3))),
}
