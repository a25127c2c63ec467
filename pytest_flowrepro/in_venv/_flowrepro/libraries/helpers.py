"""Helpers for the rules for the types of libraries.

A rule takes a value and returns its `Parts`, or None for a type that it does not know. It runs in
the flow's own interpreter: standard library and what the value has loaded, Python 3.8 syntax.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Iterable, List, Tuple

from _flowrepro.kinds import Parts, type_name

Fields = List[Tuple[str, Any]]


def mro(cls: type) -> tuple[type, ...]:
    """Return the classes that define an instance's attributes, whatever a metaclass says."""
    classes: tuple[type, ...] = type.__dict__["__mro__"].__get__(cls)
    return classes


def module_of(cls: type) -> str:
    """Return `sklearn.linear_model._logistic`."""
    return str(type.__dict__["__module__"].__get__(cls))


def root_of(cls: type) -> str:
    """Return `sklearn`."""
    return module_of(cls).split(".", 1)[0]


def library_name(cls: type) -> str:
    """Return `sklearn.linear_model.LogisticRegression`: by the shortest module that has it.

    Libraries move classes between their internal modules from one release to the next.
    """
    full_name = type_name(cls)
    name = type.__dict__["__qualname__"].__get__(cls)
    if full_name.startswith("__main__.") or "." in name:
        return full_name
    path = module_of(cls).split(".")
    for length in range(1, len(path)):
        module = ".".join(path[:length])
        if module in sys.modules and vars(sys.modules[module]).get(name) is cls:
            return "%s.%s" % (module, name)
    return full_name


def made(kind: str, value: object, fields: Fields) -> Parts:
    """Return `Parts` of that kind, named by the class of the value."""
    return Parts(kind, library_name(type(value)), fields)


def attributes(value: object, *, without: Iterable[str] = ()) -> dict[str, Any]:
    """Return the instance's own `__dict__`."""
    try:
        state = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return {name: item for name, item in state.items() if name not in without}


def extra(state: dict[str, Any]) -> Fields:
    """Return the parts that a subclass of the user's adds to those of the library's class."""
    return [("attributes", state)] if state else []


def public_first(state: dict[str, Any]) -> Fields:
    """Return the fields sorted by name, those that begin with an underscore last."""
    return sorted(state.items(), key=lambda item: (item[0].startswith("_"), item[0]))


def numpy_if_installed() -> Any:
    """Import and return numpy, or return None.

    Not looked up in `sys.modules`: a form would depend on which value was read before.
    """
    try:
        return importlib.import_module("numpy")
    except ImportError:
        return None


def times(numbers: Any, kind: str, unit: str) -> Any:
    """Return moments (`M8`, since 1970) or durations (`m8`) in a type that is not a number.

    An array becomes one of numpy's own times, a list becomes texts.
    """
    if isinstance(numbers, list):
        return [None if number is None else "%d %s" % (number, unit) for number in numbers]
    return numbers.astype("int64").view("%s[%s]" % (kind, unit))


def positions(mask: Any) -> Fields:
    """Return the positions where a list or array of bool is true, as a field; none if nowhere."""
    if isinstance(mask, list):
        missing_at = [position for position, missing in enumerate(mask) if missing]
        return [("(missing at)", missing_at)] if missing_at else []
    numpy: Any = sys.modules["numpy"]
    array = numpy.flatnonzero(mask).astype("int64", copy=False)
    return [("(missing at)", array)] if array.size else []
