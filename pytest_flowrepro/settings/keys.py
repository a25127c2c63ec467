"""The declaration of a key of `[tool.flowrepro]`: in the metadata of the field that it sets.

A field declares its keys, the tables that may have them, and the function that reads its value. One
loop reads all fields and so knows all keys.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed import DataclassInstance

    from pytest_flowrepro.settings.table import Table

    Settings = TypeVar("Settings", bound=DataclassInstance)

Scope: TypeAlias = Literal["project", "flow", "all"]
"""The tables that may have a key: the project's; those of flows and cases; or all of them."""

Metadata: TypeAlias = "Mapping[str, Key]"
"""The metadata of a field that a key sets (`dataclasses.field`)."""

_KEY = "key"


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    names: tuple[str, ...]
    """The keys of TOML: one, unless a field has several parts."""
    read: Callable[[Table, Any], Any]
    """Return the field's value in a table, on top of the inherited value."""
    scope: Scope = "all"


def read_by(read: Callable[[Table, Any], Any], *names: str, scope: Scope = "all") -> Metadata:
    """Return the metadata of a field that a function reads from one key or several."""
    return {_KEY: Key(names=names, read=read, scope=scope)}


def replaced(
    name: str,
    expected: str,
    parse: Callable[[Any], Any],
    *,
    choices: Iterable[str] = (),
    scope: Scope = "all",
) -> Metadata:
    """Return the metadata of a key whose value replaces the inherited one."""

    def read(table: Table, inherited: Any) -> Any:
        return table.read(name, inherited, expected, parse, choices=choices)

    return read_by(read, name, scope=scope)


def resettable(name: str, expected: str, parse: Callable[[Any], Any]) -> Metadata:
    """Return the metadata of a key whose value replaces the inherited one; `false` means None."""

    def read(table: Table, inherited: Any) -> Any:
        return table.read_or_off(name, inherited, expected, parse)

    return read_by(read, name)


def merged(name: str, expected: str, parse: Callable[[Any], Any], *, scope: Scope) -> Metadata:
    """Return the metadata of a key whose entries are merged with the inherited ones by name."""

    def read(table: Table, inherited: Any) -> Any:
        return {**inherited, **table.read(name, {}, expected, parse)}

    return read_by(read, name, scope=scope)


def known_keys(settings: type[DataclassInstance], *scopes: Scope) -> tuple[str, ...]:
    """Return the keys of the fields of a class, for each scope in turn."""
    keys = [option.metadata[_KEY] for option in fields(settings) if _KEY in option.metadata]
    return tuple(
        name for scope in scopes for key in keys if key.scope == scope for name in key.names
    )


def read_keys(table: Table, inherited: Settings) -> Settings:
    """Return the settings of a table on top of those that it inherits.

    The table collects the problems; a key with a problem keeps the inherited value.
    """
    values = {
        option.name: option.metadata[_KEY].read(table, getattr(inherited, option.name))
        for option in fields(inherited)
        if _KEY in option.metadata
    }
    return replace(inherited, **values)
