"""numpy arrays and pandas columns as dtype, elements and mask: never by their layout in memory.

Runs in the flow's own interpreter, Python 3.8 syntax. numpy and pandas are only used when the
value that was unpickled has loaded them.
"""

from __future__ import annotations

import sys
from typing import Any, Iterator, NamedTuple

_CHUNK = 1 << 16  # elements
_NUMBERS = "biufcmMUS"


class Column(NamedTuple):
    """One pandas column or index level."""

    dtype: str
    data: Any
    """A 1-d numpy array; 0 or None where masked; codes for a categorical."""
    missing: Any = None
    """A boolean array, where the dtype has a mask of its own."""
    categories: Any = None
    """A pandas Index."""


class UnknownDtypeError(TypeError):
    """A dtype whose elements are references to memory that numpy does not manage."""


def numpy_kind(value: object) -> str:
    """Return `array` or `scalar`; empty for anything else, subclasses of ndarray included."""
    numpy: Any = sys.modules.get("numpy")
    cls = type(value)
    if numpy is None:
        return ""
    if cls is numpy.ndarray:
        return "array"
    module = type.__dict__["__module__"].__get__(cls)
    return "scalar" if module == "numpy" and issubclass(cls, numpy.generic) else ""


def pandas_kind(value: object) -> str:
    """Return `frame`, `series` or `index`; empty for anything else, subclasses included."""
    pandas: Any = sys.modules.get("pandas")
    cls = type(value)
    if pandas is None:
        return ""
    if cls is pandas.DataFrame:
        return "frame"
    if cls is pandas.Series:
        return "series"
    module = str(type.__dict__["__module__"].__get__(cls))
    is_pandas = module == "pandas" or module.startswith("pandas.")
    return "index" if is_pandas and issubclass(cls, pandas.Index) else ""


def dtype_text(dtype: Any) -> str:
    """Return the dtype, the same whatever the byte order, alignment or padding.

    One that another library registered with numpy, such as bfloat16, has its class's name. Raises
    `UnknownDtypeError` for one of those that refers to memory of its own.
    """
    if dtype.names is not None:
        return "{%s}" % ",".join("%r:%s" % (name, dtype_text(dtype[name])) for name in dtype.names)
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return "%s%s" % (dtype_text(base), tuple(shape))
    if dtype.kind == "O":
        return "object"
    if dtype.kind == "T":
        return "StringDType"
    if _is_numpys(dtype):
        return str(dtype.newbyteorder("<").str)
    if dtype.hasobject:
        raise UnknownDtypeError("the elements of the dtype %s refer to memory of its own" % dtype)
    return "%s.%s" % (dtype.type.__module__, dtype.type.__name__)


def _is_numpys(dtype: Any) -> bool:
    module = str(type.__dict__["__module__"].__get__(dtype.type))
    return module.split(".", 1)[0] == "numpy" and dtype.kind in _NUMBERS + "V"


def has_objects(dtype: Any) -> bool:
    """Return whether the memory of such an array holds references, not values."""
    return dtype.kind in "OT"


def chunks(array: Any) -> Iterator[Any]:
    """Yield the bytes of the elements in C order, little endian, with one form of NaN.

    The array has no named fields and no objects. It is never copied as a whole.
    """
    numpy: Any = sys.modules["numpy"]
    dtype = array.dtype.newbyteorder("<") if _is_numpys(array.dtype) else array.dtype
    if dtype.itemsize == 0 or array.size == 0:
        return
    for chunk in numpy.nditer(
        array,
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[["readonly", "contig"]],
        op_dtypes=[dtype],
        order="C",
        casting="equiv",
        buffersize=_CHUNK,
    ):
        if dtype.kind == "f":
            yield _float_bytes(chunk, numpy)
        elif dtype.kind == "c":
            yield _float_bytes(chunk.view(chunk.real.dtype), numpy)
        else:
            yield chunk.view(numpy.uint8)


def _float_bytes(chunk: Any, numpy: Any) -> Any:
    if chunk.dtype.itemsize > 8:
        # The padding bytes of an 80-bit float are anything.
        return "".join(numpy.format_float_scientific(x) + ";" for x in chunk).encode()
    nan = chunk != chunk  # noqa: PLR0124  NaN, without the cost of a call
    if nan.any():
        chunk = chunk.copy()
        chunk[nan] = numpy.nan
    return chunk.view(numpy.uint8)


def levels(index: Any) -> list[Any]:
    """Return the levels of a MultiIndex as indexes of full length; else the index itself."""
    if index.nlevels == 1 and not hasattr(index, "levels"):
        return [index]
    return [index.get_level_values(i) for i in range(index.nlevels)]


def column(values: Any) -> Column:
    """Return a Series, or an Index that is not a MultiIndex, by its logical values."""
    numpy: Any = sys.modules["numpy"]
    pandas: Any = sys.modules["pandas"]
    dtype = values.dtype
    if isinstance(dtype, numpy.dtype):
        return Column(dtype_text(dtype), values.to_numpy())
    if isinstance(dtype, pandas.CategoricalDtype):
        array = values.array
        name = "category, ordered" if dtype.ordered else "category"
        return Column(name, array.codes, None, array.categories)
    if isinstance(dtype, pandas.DatetimeTZDtype):
        utc = pandas.Index(values).tz_convert("UTC").tz_localize(None)
        return Column(str(dtype), utc.to_numpy())
    missing = numpy.asarray(values.array.isna(), dtype=bool)
    raw = getattr(dtype, "numpy_dtype", None)
    if raw is not None and raw.kind in "biuf":
        data = values.array.to_numpy(dtype=raw, na_value=raw.type(0))
    else:
        data = values.array.to_numpy(dtype=object).copy()
        data[missing] = None
    return Column(str(dtype), data, missing)
