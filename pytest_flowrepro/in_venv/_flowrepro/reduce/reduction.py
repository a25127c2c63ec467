"""Any object by its own pickle reduction, as named parts.

`copyreg.dispatch_table`, then `__reduce_ex__(4)`, as pickle itself (PEP 307). The arguments of
its constructor, its attributes, its items: each is a value that is walked in turn. Names in
brackets are not attributes: `(new)`, `(args)`, `(call)`, `(state)`, `(items)`, `(pairs)`, ...
Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import collections
import copyreg
import functools
import sys
import types
from typing import Any, Iterable, List, NamedTuple, Tuple

from _flowrepro import kinds
from _flowrepro.kinds import Pairs, Parts, Unordered, mro_of, namespace_of, type_name
from _flowrepro.libraries import registry as libraries
from _flowrepro.reduce import code

Fields = List[Tuple[str, Any]]

_COPYREG: Any = copyreg
_NEW = (_COPYREG.__newobj__, _COPYREG.__newobj_ex__, _COPYREG._reconstructor)  # noqa: SLF001


class UnwalkableError(TypeError):
    """A reduction that pickle would refuse as well."""


def parts(value: object) -> Parts:
    """Return the named parts of anything but a scalar, plain container, array or table.

    Raises `UnwalkableError`, and whatever the object's own reduction raises.
    """
    return (
        kinds.parts(value)
        or libraries.parts(value)
        or code.parts(value)
        or _over_a_library(value)
        or _reduced(value)
    )


class _Class(NamedTuple):
    """The facts that hold for all objects of a class."""

    name: str
    sets_state: bool
    is_value: bool
    """It defines a hash: whether two equal ones are one object or two does not matter."""
    is_set: bool
    """Reduced by `set` itself, with its items in the order of their hashes."""
    is_ordered: bool


@functools.lru_cache(maxsize=None)
def _class(cls: Any) -> _Class:
    mro = mro_of(cls)

    def definer(name: str, default: Any = None) -> Any:
        return next((base for base in mro if name in namespace_of(base)), default)

    hashing = definer("__hash__", object)
    return _Class(
        name=type_name(cls),
        sets_state=definer("__setstate__") is not None,
        is_value=hashing is not object and namespace_of(hashing)["__hash__"] is not None,
        is_set=definer("__reduce__") in (set, frozenset) and definer("__reduce_ex__") is object,
        is_ordered=collections.OrderedDict in mro,
    )


def _reduced(value: Any) -> Parts:
    cls: Any = type(value)
    class_facts = _class(cls)
    reduce = copyreg.dispatch_table.get(cls)
    reduction: Any = value.__reduce_ex__(4) if reduce is None else reduce(value)
    if isinstance(reduction, str):
        return Parts("object", class_facts.name, [("(global)", str(reduction))])
    if not isinstance(reduction, tuple) or not 2 <= len(reduction) <= 6:
        raise UnwalkableError("its reduction is not a tuple of 2 to 6")
    call, args, state, items, pairs, setter = (*reduction, *(None,) * 6)[:6]
    if not callable(call) or not isinstance(args, tuple):
        raise UnwalkableError("its reduction is not a callable and its arguments")
    if class_facts.is_set:
        fields: Fields = [("(items)", Unordered(args[0]))]
    else:
        fields = _made(cls, call, args)
    fields += _attributes(state, class_facts) if setter is None else [("(state)", state)]
    if setter is not None:
        fields.append(("(setter)", _name(setter)))
    if items is not None:
        fields.append(("(items)", list(items)))
    if pairs is not None:
        fields.append(("(pairs)", _pairs(pairs, class_facts)))
    # A constructor and its arguments are a value: libraries keep and share such objects at will.
    has_state = _is_new(call) or any(part is not None for part in (state, items, pairs))
    return Parts("object", class_facts.name, fields, has_state and not class_facts.is_value)


def _is_new(call: Any) -> bool:
    return any(call is new for new in _NEW)  # not `in`: `==` may be the user's


def _made(cls: type, call: Any, args: tuple[Any, ...]) -> Fields:
    """Return the arguments that make the object, without those that its class implies."""
    if _is_new(call) and args[0] is cls:
        if call is _COPYREG.__newobj_ex__:
            return [("(new)", args[1]), ("(keywords)", args[2])]
        if call is _COPYREG.__newobj__:
            return [("(new)", args[1:])] if args[1:] else []
        return [] if args[1] is object else [("(new)", args[2:])]
    if call is cls:
        return [("(args)", args)]
    return [("(call)", _name(call)), ("(args)", args)]


def _attributes(state: Any, class_facts: _Class) -> Fields:
    """Return attributes by name, where the state is known to be nothing else."""
    if state is None:
        return []
    if not class_facts.sets_state:
        if type(state) is tuple and len(state) == 2:
            state = _with_slots(*state)
        if type(state) is dict and not state:
            return []
    if type(state) is dict and state and all(type(n) is str and n[:1] != "(" for n in state):
        return sorted(state.items())
    return [("(state)", state)]


def _with_slots(attributes: Any, slots: Any) -> Any:
    """Return the one dict that pickle would make of both, or the two as they are."""
    if attributes is None:
        attributes = {}
    if type(attributes) is dict and type(slots) is dict and not attributes.keys() & slots.keys():
        return {**attributes, **slots}
    return (attributes, slots)


def _pairs(pairs: Iterable[Any], class_facts: _Class) -> Any:
    items = [(key, item) for key, item in pairs]
    return items if class_facts.is_ordered else Pairs(items)


def _name(call: Any) -> Any:
    """Return a function or class by name; any other callable is a value like any other."""
    if isinstance(call, type):
        return type_name(call)
    owner = getattr(call, "__self__", None)
    if isinstance(owner, type):
        return "%s.%s" % (type_name(owner), call.__name__)
    name = getattr(call, "__qualname__", None)
    if type(call) is types.MethodType or type(name) is not str:
        return call
    return kinds.global_name(call.__module__, name)


def _over_a_library(value: Any) -> Parts | None:
    """Return the parts of a subclass of numpy's array or a pandas table, without its memory."""
    mro = mro_of(type(value))
    numpy: Any = sys.modules.get("numpy")
    pandas: Any = sys.modules.get("pandas")
    if numpy is not None and numpy.ndarray in mro:
        attributes = sorted(kinds.state_of(value, mro).items())
        base = numpy.ndarray.view(value, numpy.ndarray)
        return Parts("object", type_name(mro[0]), [("(array)", base), *attributes])
    if pandas is not None:
        for name in ("DataFrame", "Series"):
            table = vars(pandas)[name]
            if table in mro:
                return Parts("object", type_name(mro[0]), _table(value, table, name))
    return None


def _table(value: Any, table: Any, name: str) -> Fields:
    base = table(value)
    base.attrs = value.attrs
    state = object.__getattribute__(value, "__dict__")
    own_names = sorted(n for n in value._metadata if n in state and n not in table._metadata)  # noqa: SLF001
    return [("(%s)" % name, base), *((n, state[n]) for n in own_names)]
