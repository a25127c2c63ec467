"""The parts of a value: the one place that decides which types have a canonical form.

Runs in the flow's own interpreter: standard library only, Python 3.8 syntax. Nothing that a user
defined is called here: no `__eq__`, `__hash__`, `__repr__`, property or `__getattribute__`.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import functools
import pathlib
import re
import sys
import types
from typing import Any, Callable, List, NamedTuple

from _flowrepro.arrays import dtype_text
from _flowrepro.encoders import encoded
from _flowrepro.normalize import normal

FLOW_MODULE = "_flowrepro_flow"
"""The name that the flow's file is loaded under; its classes are shown as `__main__.X`."""

_HEAPTYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: the class was made by Python code, not by C
_RENAMED = ("numpy", "pandas", "pathlib")
"""Packages that moved their classes between internal modules from one release to the next."""


class Parts(NamedTuple):
    """A value with named parts: dataclass, namedtuple, enum, ..."""

    kind: str
    type: str
    fields: list[tuple[str, Any]]
    shared: bool = False
    """True if `[x, x]` is another value than `[x, copy(x)]`."""


class Unordered(List[Any]):
    """Items of a set: hashing them once more would run the user's code."""


class Pairs(List[Any]):
    """Keys and values of a mapping whose order is not part of it, likewise."""

    def items(self) -> Any:
        return iter(self)


def type_name(cls: type) -> str:
    """Return `int`, `pandas.DataFrame`, `__main__.Point`: qualified unless a builtin."""
    module = type.__dict__["__module__"].__get__(cls)
    name = type.__dict__["__qualname__"].__get__(cls)
    if module == "builtins":
        return str(name)
    root = str(module).split(".", 1)[0]
    if root in _RENAMED and vars(sys.modules[root]).get(name) is cls:
        module = root
    return global_name(module, name)


def global_name(module: object, name: str) -> str:
    """Return `__main__.load`: the name of a function or class, the flow's file being `__main__`."""
    return "%s.%s" % ("__main__" if module == FLOW_MODULE else module, name)


def parts(value: object) -> Parts | None:
    """Return the named parts of a value; None unless they are known to be complete."""
    cls: Any = type(value)
    result = encoded(value, type_name)
    if result is not None:
        return Parts("encoded", type_name(cls), [("as", result[0])])
    make = _parts_of(cls)
    return None if make is None else make(value)


@functools.lru_cache(maxsize=None)
def _parts_of(cls: Any) -> Callable[[Any], Parts | None] | None:
    mro = mro_of(cls)
    if issubclass(type(cls), enum.EnumMeta):
        return lambda value: _enum_parts(value, mro)
    if "__dataclass_fields__" in namespace_of(cls) and _is_plain(mro):
        return lambda value: Parts(
            "dataclass", type_name(cls), sorted(state_of(value, mro).items())
        )
    if tuple in mro:
        return lambda value: _namedtuple_parts(value, mro)
    numpy = sys.modules.get("numpy")
    if numpy is not None and numpy.dtype in mro:
        return lambda value: Parts("dtype", "numpy.dtype", [("dtype", dtype_text(value))])
    name = type_name(cls)
    if name in _NAMED:
        kind, fields = _NAMED[name]
        return lambda value: Parts(kind, _PUBLIC.get(name, name), fields(value))
    return None


def text(value: object) -> tuple[str, str] | None:
    """Return kind and exact text of a scalar that its text identifies; None for any other value."""
    cls: Any = type(value)
    make = _text_of(cls)
    return None if make is None else make(value)


@functools.lru_cache(maxsize=None)
def _text_of(cls: Any) -> Callable[[Any], tuple[str, str] | None] | None:
    if cls in _TEXTS:
        return _TEXTS[cls]
    name = type_name(cls)
    if name in _NAMED_TEXTS:
        return lambda value: (name, _NAMED_TEXTS[name](value))
    pandas = sys.modules.get("pandas")
    return None if pandas is None else _pandas_text(cls, pandas)


def mro_of(cls: type) -> tuple[type, ...]:
    mro: tuple[type, ...] = type.__dict__["__mro__"].__get__(cls)
    return mro


def namespace_of(cls: type) -> Any:
    return type.__dict__["__dict__"].__get__(cls)


def _is_plain(mro: tuple[type, ...]) -> bool:
    """Return whether an instance holds nothing but `__dict__` and slots: no list or C class."""
    flags = type.__dict__["__flags__"]
    return all(cls is object or flags.__get__(cls) & _HEAPTYPE for cls in mro)


def state_of(value: object, mro: tuple[type, ...]) -> dict[str, Any]:
    try:
        state = dict(object.__getattribute__(value, "__dict__"))
    except AttributeError:  # every attribute is a slot
        state = {}
    for cls in mro:
        for name, member in namespace_of(cls).items():
            if type(member) is types.MemberDescriptorType:
                try:
                    state[name] = member.__get__(value)
                except AttributeError:  # a slot that was never set
                    continue
    return state


def _enum_parts(value: object, mro: tuple[type, ...]) -> Parts:
    state = object.__getattribute__(value, "__dict__")
    fields = [("value", state["_value_"])]
    if enum.Flag not in mro:  # Python 3.11 began to name combinations of flags
        fields.insert(0, ("name", state["_name_"]))
    return Parts("enum", type_name(mro[0]), fields)


def _namedtuple_parts(value: Any, mro: tuple[type, ...]) -> Parts | None:
    names = next(
        (namespace_of(base)["_fields"] for base in mro if "_fields" in namespace_of(base)), None
    )
    items = list(tuple.__iter__(value))
    if type(names) is not tuple or len(names) != len(items) or tuple not in mro:
        return None
    try:
        extra = sorted(object.__getattribute__(value, "__dict__").items())
    except AttributeError:
        extra = []
    named = list(zip(names, items))  # noqa: B905  Python 3.8; the lengths are equal
    return Parts("namedtuple", type_name(mro[0]), named + extra)


# What metaflow/plugins/timeout_decorator.py appends to the message itself.
_TIMEOUT_STACK = "\nStack when the timeout was raised:"


def _caught(state: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return class and message of an exception that @catch stored, the same in each rerun.

    The traceback is left out: it names the rerun's folder and the lines of every library.
    """
    message = state.get("exception")
    if type(message) is str:
        message = message.partition(_TIMEOUT_STACK)[0]
        message = normal(re.sub(r" at 0x[0-9a-fA-F]+", " at 0x...", message))
    return [("type", state.get("type")), ("exception", message)]


def _zone(tzinfo: dt.tzinfo | None) -> str | None:
    """Return a name that distinguishes zones of one offset; None for an unknown class."""
    if tzinfo is None:
        return ""
    if type(tzinfo) is dt.timezone:
        name = tzinfo.tzname(None)
        usual = dt.timezone(tzinfo.utcoffset(None)).tzname(None)
        return "" if name == usual else " [%r]" % name
    zone: Any = tzinfo
    module = str(type.__dict__["__module__"].__get__(type(tzinfo))).split(".", 1)[0]
    if module == "zoneinfo":
        return " [%s]" % zone.key
    if module == "pytz":
        return " [%s]" % zone.zone
    return None


def _moment(kind: str, value: Any) -> tuple[str, str] | None:
    zone = _zone(value.tzinfo)
    if zone is None:
        return None
    return kind, value.isoformat() + zone + (" fold=1" if value.fold else "")


def _duration(value: dt.timedelta) -> str:
    return "%d d %d s %d us" % (value.days, value.seconds, value.microseconds)


def _timezone_text(value: Any) -> tuple[str, str]:
    return "timezone", _duration(value.utcoffset(None)) + (_zone(value) or "")


def _decimal_text(value: decimal.Decimal) -> tuple[str, str]:
    # Not `str`, which follows the `capitals` of the current decimal context.
    with decimal.localcontext() as context:
        context.capitals = 1
        return "decimal", str(value)


def _path_text(value: pathlib.PurePath) -> tuple[str, str]:
    return type(value).__name__, normal(str(value))


def _pandas_text(cls: type, pandas: Any) -> Callable[[Any], tuple[str, str] | None] | None:
    if cls in (type(pandas.NaT), type(pandas.NA)):
        name = "pandas.NaT" if cls is type(pandas.NaT) else "pandas.NA"
        return lambda _: (name, "")
    if cls is pandas.Timestamp:
        return lambda value: _moment("pandas.Timestamp", value)
    if cls is pandas.Timedelta:
        return lambda value: (
            "pandas.Timedelta",
            "%s %d ns" % (_duration(value), value.nanoseconds),
        )
    if cls is pandas.Period:
        return lambda value: ("pandas.Period", "%s %s" % (value, value.freqstr))
    return None


def _range_text(value: range) -> tuple[str, str]:
    """Return a range by its items, as `==` does: `range(0, 9, 2)` equals `range(0, 10, 2)`."""
    if not value:
        return "range", "range(0, 0)"
    step = value.step if value[0] != value[-1] else 1
    return "range", "range(%d, %d, %d)" % (value[0], value[-1] + (1 if step > 0 else -1), step)


_TEXTS: dict[type, Callable[[Any], tuple[str, str] | None]] = {
    dt.datetime: lambda value: _moment("datetime", value),
    dt.date: lambda value: ("date", value.isoformat()),
    dt.time: lambda value: _moment("time", value),
    dt.timedelta: lambda value: ("timedelta", _duration(value)),
    dt.timezone: _timezone_text,
    decimal.Decimal: _decimal_text,
    pathlib.PurePosixPath: _path_text,
    pathlib.PureWindowsPath: _path_text,
    pathlib.PosixPath: _path_text,
    pathlib.WindowsPath: _path_text,
    range: _range_text,
}

_NAMED_TEXTS: dict[str, Callable[[Any], str]] = {
    "uuid.UUID": str,
    "fractions.Fraction": str,
    **{
        "ipaddress.IPv%d%s" % (version, kind): str
        for version in (4, 6)
        for kind in ("Address", "Interface", "Network")
    },
    "zoneinfo.ZoneInfo": lambda value: str(value.key),
    "backports.zoneinfo.ZoneInfo": lambda value: str(value.key),
}
"""Classes that are known by name: their modules are not imported for the sake of asking."""

_NAMED: dict[str, tuple[str, Callable[[Any], list[tuple[str, Any]]]]] = {
    "collections.deque": ("deque", lambda v: [("items", list(v)), ("maxlen", v.maxlen)]),
    "array.array": ("array.array", lambda v: [("typecode", v.typecode), ("items", list(v))]),
    "slice": ("slice", lambda v: [("start", v.start), ("stop", v.stop), ("step", v.step)]),
    "re.Pattern": ("pattern", lambda v: [("pattern", v.pattern), ("flags", v.flags)]),
    "functools.partial": (
        "partial",
        lambda v: [
            ("function", v.func),
            ("args", v.args),
            ("keywords", v.keywords),
            *sorted(v.__dict__.items()),
        ],
    ),
    # Since Python 3.12 its reduction holds the object that had no such attribute.
    "AttributeError": ("object", lambda v: [("(args)", v.args), *sorted(vars(v).items())]),
    "pandas.Interval": (
        "interval",
        lambda v: [("left", v.left), ("right", v.right), ("closed", v.closed)],
    ),
    # What a user of Metaflow sees of its own wrappers.
    "metaflow.exception.MetaflowExceptionWrapper": (
        "exception",
        lambda v: _caught(object.__getattribute__(v, "__dict__")),
    ),
    "metaflow.user_configs.config_parameters.ConfigValue": (
        "config",
        lambda v: sorted(v.to_dict().items()),
    ),
}
_PUBLIC = {"metaflow.user_configs.config_parameters.ConfigValue": "metaflow.Config"}

MAPPINGS: dict[type, str] = {
    dict: "dict",
    collections.Counter: "collections.Counter",
    collections.defaultdict: "collections.defaultdict",
    Pairs: "dict",
}
"""Mappings whose order is not part of the value; nor is the factory of a defaultdict."""
