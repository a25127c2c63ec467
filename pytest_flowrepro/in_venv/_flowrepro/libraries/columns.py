"""numpy, pandas and polars beyond plain arrays and frames: elements and mask, by logical values.

Runs in the flow's own interpreter, Python 3.8 syntax. A rule gives `Parts`, or None.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from _flowrepro.arrays import pandas_kind
from _flowrepro.kinds import Parts
from _flowrepro.libraries.helpers import (
    Fields,
    attributes,
    extra,
    made,
    numpy_if_installed,
    positions,
    root_of,
    times,
)


def of_numpy(value: Any) -> Parts | None:  # noqa: PLR0911  one per type
    """Return the parts of masked arrays, subclasses of ndarray, dtypes and random generators."""
    numpy: Any = sys.modules["numpy"]
    cls = type(value)
    if cls is numpy.ndarray or isinstance(value, numpy.generic):
        return None
    if isinstance(value, numpy.ma.MaskedArray):
        return made("masked", value, _masked(value, numpy))
    if isinstance(value, numpy.ndarray):
        plain = value.view(numpy.ndarray)
        state = {} if root_of(cls) == "numpy" else attributes(value)
        return made("ndarray", value, [("array", plain), *extra(state)])
    if isinstance(value, numpy.dtype):
        plain = value.names is None and value.subdtype is None and value.kind != "T"
        return Parts("dtype", "numpy.dtype", [("dtype", value.str if plain else repr(value))])
    if isinstance(value, numpy.random.Generator):
        return made("random", value, [("state", value.bit_generator.state)])
    if isinstance(value, numpy.random.RandomState):
        return made("random", value, [("state", value.get_state(legacy=False))])
    if hasattr(numpy.random, "BitGenerator") and isinstance(value, numpy.random.BitGenerator):
        return made("random", value, [("state", value.state)])
    return None


def _masked(value: Any, numpy: Any) -> Fields:
    """Return the mask, and the data with zeros under it."""
    if value.dtype.names is not None:
        return [(name, value[name]) for name in value.dtype.names]
    mask, data = numpy.ma.getmaskarray(value), numpy.ma.getdata(value).view(numpy.ndarray)
    if mask.any():
        data = data.copy()
        data[mask] = None if data.dtype.kind == "O" else numpy.zeros((), data.dtype)
    return [("mask", mask), ("data", data)]


def of_pandas(value: Any) -> Parts | None:  # noqa: PLR0911  one per type
    """Return the parts of arrays of a column, dtypes, offsets, subclasses of frames and series."""
    pandas: Any = sys.modules["pandas"]
    if pandas_kind(value):
        return None
    if isinstance(value, (pandas.DataFrame, pandas.Series)):
        is_frame = isinstance(value, pandas.DataFrame)
        data = pandas.DataFrame(value) if is_frame else pandas.Series(value)
        data.attrs = value.attrs
        names = [name for name in value._metadata if name != "_name"]  # noqa: SLF001  documented
        state = attributes(value)
        declared = {name: state[name] for name in names if name in state}
        return made("subclass", value, [("data", data), *extra(declared)])
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        return made("extension", value, [("values", pandas.Series(value, copy=False))])
    if isinstance(value, pandas.CategoricalDtype):
        categories = [("categories", value.categories), ("ordered", value.ordered)]
        return made("dtype", value, categories)
    if isinstance(value, pandas.api.extensions.ExtensionDtype) and root_of(type(value)) == "pandas":
        return made("dtype", value, [("dtype", repr(value))])
    if isinstance(value, pandas.tseries.offsets.BaseOffset):
        kwds = sorted((name, item) for name, item in value.kwds.items() if name != "calendar")
        return made("offset", value, [("n", value.n), ("normalize", value.normalize), *kwds])
    return None


def of_polars(value: Any) -> Parts | None:
    """Return the parts of frames and series; of lazy frames and expressions, their plan."""
    polars: Any = sys.modules["polars"]
    if isinstance(value, polars.Series):
        state = attributes(value, without=("_s",))
        name = [("name", value.name)] if value.name else []
        return made("polars", value, [*name, *_polars_column(value), *extra(state)])
    if isinstance(value, polars.DataFrame):
        state = attributes(value, without=("_df",))
        columns = [(column.name, column.alias("")) for column in value.get_columns()]
        return made("polars", value, [("(shape)", list(value.shape)), *columns, *extra(state)])
    if isinstance(value, polars.LazyFrame):
        return made("polars", value, [("plan", value.explain(optimized=False)), _whole(value)])
    if isinstance(value, polars.Expr):
        return made("polars", value, [("expr", str(value)), _whole(value)])
    return None


def _whole(value: Any) -> tuple[str, str]:
    """Return the digest of a plan with everything that its text omits, such as data of a frame."""
    return "sha256", hashlib.sha256(value.__getstate__()).hexdigest()


def _polars_column(series: Any) -> Fields:
    """Return the column's dtype, the positions of nulls, and the other values."""
    polars: Any = sys.modules["polars"]
    dtype = series.dtype
    fields: Fields = [("dtype", str(dtype))]
    inner = dtype.base_type() if hasattr(dtype, "base_type") else type(dtype)
    if series.null_count():
        nulls = series.is_null()
        fields.append(("(length)", len(series)))
        fields += positions(nulls.to_numpy() if numpy_if_installed() else nulls.to_list())
    if inner is polars.Null:
        return fields
    if inner.__name__ in ("List", "Array", "Struct"):
        return fields + _polars_nested(series.drop_nulls(), inner.__name__)
    if inner in (polars.Object, polars.Decimal):
        return [*fields, ("values", series.to_list())]
    if inner.__name__ in ("Categorical", "Enum"):
        series = series.cast(polars.String)
    elif dtype.is_temporal():
        return [*fields, ("values", _polars_times(series))]
    return [*fields, ("values", _polars_values(series))]


def _polars_times(series: Any) -> Any:
    """Return dates, moments and durations as such, so that no tolerance for numbers applies."""
    name = series.dtype.base_type().__name__
    unit = getattr(series.dtype, "time_unit", None) or {"Date": "D", "Time": "ns"}[name]
    physical = _polars_values(series.to_physical())
    return times(physical, "M8" if name in ("Date", "Datetime") else "m8", unit)


def _polars_nested(series: Any, kind: str) -> Fields:
    """Return lists as lengths and items, structs as fields; nothing is null at this level."""
    if kind == "Struct":
        return [(name, series.struct.field(name).alias("")) for name in series.struct.fields]
    if kind == "Array":  # whose width the dtype has
        return [("items", series.explode().alias(""))]
    lengths = series.list.len()
    items = series.filter(lengths > 0).explode()  # an empty list would become a null
    return [("(lengths)", _polars_values(lengths)), ("items", items.alias(""))]


def _polars_values(series: Any) -> Any:
    """Return a numpy array of the dtype's kind: nulls are None, or 0 where it has no None."""
    if numpy_if_installed() is None or str(series.dtype).endswith("Int128"):
        return series.to_list()
    if series.null_count() and series.dtype.is_numeric():
        series = series.fill_null(0)
    elif series.null_count() and str(series.dtype) == "Boolean":
        series = series.fill_null(False)
    return series.to_numpy()
