"""Typed access to a parsed file, whose errors carry the file and the path into it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.support.docs import docs
from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.strict_json import StrictJsonError, TooLargeJsonError, parse_json
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json


def broken(file: str, reason: str, *, hint: str = "") -> BaselineError:
    """Return an error about a file of a baseline, with a hint how to restore the file."""
    restore = (
        f"restore the committed file with `git checkout -- {file}`, or record the flow again "
        f"with --flow-repro-update; see {docs('reference/baseline#reading')}"
    )
    return BaselineError(f"{visible(file)}: {visible(reason)}", hint=hint or restore)


def place(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def parse_document(text: str, file: str) -> Node:
    """Parse a JSON file; raise `BaselineError`, with the line at fault."""
    try:
        return Node(value=parse_json(text), file=file)
    except TooLargeJsonError as error:
        raise broken(file, f"is too large: {error}") from None
    except StrictJsonError as error:
        raise broken(file, f"is not valid JSON: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A value in a file, and its path there: `steps.train["[]"].score.digest`."""

    value: Json
    file: str
    path: str = ""

    def wrong(self, wanted: str) -> BaselineError:
        return broken(self.file, f"{self.path or 'the file'} should be {wanted}, is {self._shown}")

    @property
    def _shown(self) -> str:
        match self.value:
            case dict():
                return "an object"
            case list():
                return "an array"
            case _:
                text = json.dumps(self.value, ensure_ascii=False)
                return text if len(text) <= 60 else f"{text[:57]}..."

    def entries(self) -> list[tuple[str, Node]]:
        """Return keys and values of an object, sorted by key."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return [(key, self._child(key, self.value[key])) for key in sorted(self.value)]

    def entry(self, key: str) -> Node:
        found = dict(self.entries())
        if key not in found:
            raise broken(self.file, f"{self._path(key)} is missing")
        return found[key]

    def record(self, *keys: str, optional: tuple[str, ...] = ()) -> dict[str, Node]:
        """Return the values of an object that must have these keys, and may have the optional."""
        found = dict(self.entries())
        for key in keys:
            if key not in found:
                raise broken(self.file, f"{self._path(key)} is missing")
        for key, node in found.items():
            if key not in keys and key not in optional:
                raise broken(self.file, f"{node.path}: unknown key")
        return found

    def items(self) -> list[Node]:
        if not isinstance(self.value, list):
            raise self.wrong("an array")
        return [self._at(f"{self.path}[{i}]", item) for i, item in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def text_or_none(self) -> str | None:
        return None if self.value is None else self.text()

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def integer(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wrong("a whole number")
        return self.value

    def number(self) -> float:
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self.wrong("a number")
        try:
            return float(self.value)
        except OverflowError:
            raise self.wrong("a number that a float can hold") from None

    def _child(self, key: str, value: Json) -> Node:
        return self._at(self._path(key), value)

    def _path(self, key: str) -> str:
        if not key.isidentifier():
            return f"{self.path}[{json.dumps(key, ensure_ascii=False)}]"
        return f"{self.path}.{key}" if self.path else key

    def _at(self, path: str, value: Json) -> Node:
        return Node(value=value, file=self.file, path=path)
