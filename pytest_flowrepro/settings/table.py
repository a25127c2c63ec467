"""A TOML table that is read key by key, and its problems."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.settings.parsers import parse_string
from pytest_flowrepro.support.redaction import without_credentials
from pytest_flowrepro.support.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Table:
    """A TOML table that is read key by key; problems are collected, each with its full key."""

    def __init__(self, data: Mapping[str, Any], key: str, problems: list[str], root: Path) -> None:
        self._data = data
        self._key = key
        self._problems = problems
        self._root = root

    def path(self, key: str) -> str:
        return f"{self._key}.{key}" if self._key else key

    def problem(self, key: str, text: str) -> None:
        self._problems.append(f"{self.path(key)}: {text}")

    def table(self, key: str) -> Table:
        value = self._data.get(key, {})
        if not isinstance(value, dict):
            self.problem(key, f"must be a table, not {toml_type(value)}")
            value = {}
        return Table(value, self.path(key), self._problems, self._root)

    def inner(self, key: str, value: Mapping[str, Any]) -> Table:
        """Return a table inside the value of a key."""
        return Table(value, self.path(key), self._problems, self._root)

    def location(self, value: Any) -> str:
        """Return a URL as it is, or the absolute path of a path relative to the file's folder."""
        text = parse_string(value)
        return text if "://" in text else os.path.normpath(self._root / Path(text).expanduser())

    def names(self) -> tuple[str, ...]:
        return tuple(self._data)

    def check_misspelt(self, known: str) -> None:
        """Report each key that is not `known`, but close enough to mean it."""
        for key in self._data:
            bare = re.sub(r"[^a-z]", "", key.lower()).removeprefix("pytest")
            if key != known and difflib.get_close_matches(bare, [known], n=1, cutoff=0.85):
                self.problem(key, f"unknown table; did you mean `{self.path(known)}`?")

    def only(self, *known: str) -> None:
        for key in self._data:
            if key not in known:
                meant = did_you_mean(key, known) or f"; known: {', '.join(known)}"
                self.problem(key, f"unknown key{meant}")

    def read(
        self,
        key: str,
        default: Any,
        expected: str,
        parse: Callable[[Any], Any],
        choices: Iterable[str] = (),
    ) -> Any:
        """Return the parsed value; `default` without the key, and if `parse` raises ValueError.

        `choices` are the texts that the value may have: the problem suggests the closest one.
        """
        if key not in self._data:
            return default
        value = self._data[key]
        try:
            return parse(value)
        except ValueError:
            items = value if isinstance(value, list) else [value]
            wrong = (item for item in items if isinstance(item, str) and item not in choices)
            meant = "".join(dict.fromkeys(did_you_mean(item, choices) for item in wrong))
            self.problem(key, f"must be {expected}, not {toml_type(value)}{meant}")
            return default

    def required(self, key: str, expected: str, parse: Callable[[Any], Any]) -> Any:
        """Read a value as `read` does; return None for a missing key, and report it."""
        if key not in self._data:
            self.problem(key, f"is missing; it must be {expected}")
        return self.read(key, None, expected, parse)

    def read_or_off(
        self, key: str, default: Any, expected: str, parse: Callable[[Any], Any]
    ) -> Any:
        """Read a value as `read` does; return None for `false`, which resets an inherited one."""
        if self._data.get(key) is False:
            return None
        return self.read(key, default, f"{expected}, or false", parse)


def toml_type(value: Any) -> str:
    """Return the type of a value in the words of TOML, with the start of the value."""
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    names |= {list: "an array", dict: "a table"}
    shown = without_credentials(repr(value))
    return f"{names.get(type(value), 'a date or time')} ({shown[:60]})"
