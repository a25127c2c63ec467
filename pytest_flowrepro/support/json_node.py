"""Typed access to parsed JSON, whose errors name the source and the path into it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.strict_json import StrictJsonError, TooLargeJsonError, parse_json
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.support.strict_json import Json

JsonError: TypeAlias = Callable[[str], FlowReproError]
"""Builds the error to raise from a reason, such as `runs should be a whole number, is "2"`."""

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonNode:
    """A value in a document, which knows its path there: `steps.train["[]"].score.digest`."""

    value: Json
    error: JsonError
    start: str = ""
    """The path of the outermost value, such as `line 3`."""
    place: tuple[JsonNode, str | int] | None = None
    """The object or array that holds the value, and its key or index there."""

    @property
    def path(self) -> str:
        """The path in the document, made when an error needs it: documents have 100,000 values."""
        if self.place is None:
            return self.start
        holder, key = self.place
        if isinstance(key, int):
            return f"{holder.path}[{key}]"
        if not key.isidentifier():
            return f"{holder.path}[{json.dumps(key, ensure_ascii=False)}]"
        return f"{holder.path}.{key}" if holder.path else key

    @classmethod
    def parse(cls, text: str, *, error: JsonError) -> JsonNode:
        """Return the root of a JSON text; raise `error`, with the line at fault."""
        try:
            return cls(value=parse_json(text), error=error)
        except TooLargeJsonError as problem:
            raise error(f"is too large: {problem}") from None
        except StrictJsonError as problem:
            raise error(f"is not valid JSON: {problem}") from None

    @classmethod
    def read(cls, file: Path, *, error: JsonError) -> JsonNode:
        """Return the root of a JSON file; raise `error` if it cannot be read or parsed."""
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise error("is not UTF-8") from None
        except OSError as problem:
            raise error(f"cannot be read: {problem.strerror or problem}") from problem
        return cls.parse(text, error=error)

    def wrong(self, expected: str) -> FlowReproError:
        """Return the error that this value is not the expected one."""
        place = self.path or "the file"
        return self.error(visible(f"{place} should be {expected}, is {self._value_text}"))

    def invalid(self, reason: str) -> FlowReproError:
        """Return the error that this value cannot be used."""
        return self.error(visible(f"{self.path or 'the file'}: {reason}"))

    @property
    def _value_text(self) -> str:
        match self.value:
            case dict():
                return "an object"
            case list():
                return "an array"
            case _:
                text = json.dumps(self.value, ensure_ascii=False)
                return text if len(text) <= 60 else f"{text[:57]}..."

    def mapping(self) -> dict[str, Json]:
        """Return an object as it is, in its own order."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self.value

    def entries(self) -> list[tuple[str, JsonNode]]:
        """Return keys and values of an object, sorted by key."""
        return [(key, self._child(key, value)) for key, value in sorted(self.mapping().items())]

    def entry(self, key: str) -> JsonNode:
        fields = self.mapping()
        if key not in fields:
            raise self._missing(key)
        return self._child(key, fields[key])

    def record(self, *keys: str, optional: tuple[str, ...] = ()) -> dict[str, JsonNode]:
        """Return the values of an object that must have these keys, and may have the optional."""
        fields = {key: self._child(key, value) for key, value in self.mapping().items()}
        for key in keys:
            if key not in fields:
                raise self._missing(key)
        for key, node in fields.items():
            if key not in keys and key not in optional:
                raise node.invalid("unknown key")
        return fields

    def items(self) -> list[JsonNode]:
        if not isinstance(self.value, list):
            raise self.wrong("an array")
        return [self._child(i, item) for i, item in enumerate(self.value)]

    def texts(self) -> tuple[str, ...]:
        """Return an array of strings."""
        return tuple(item.text() for item in self.items())

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def text_or_none(self) -> str | None:
        return None if self.value is None else self.text()

    def sha256(self) -> str:
        if not isinstance(self.value, str) or not _SHA256.fullmatch(self.value):
            raise self.wrong("sha256: and 64 hexadecimal digits")
        return self.value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def integer(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wrong("a whole number")
        return self.value

    def integers(self) -> tuple[int, ...]:
        """Return an array of whole numbers."""
        return tuple(item.integer() for item in self.items())

    def number(self) -> float:
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self.wrong("a number")
        try:
            return float(self.value)
        except OverflowError:
            raise self.wrong("a number that a float can hold") from None

    def time(self) -> datetime:
        """Return a time of ISO 8601, in UTC."""
        try:
            return datetime.fromisoformat(self.text()).astimezone(UTC)
        except ValueError:
            raise self.wrong("a time such as 2027-03-31T12:00:00+00:00") from None

    def _missing(self, key: str) -> FlowReproError:
        return self.error(visible(f"{self._child(key, None).path} is missing"))

    def _child(self, key: str | int, value: Json) -> JsonNode:
        return JsonNode(value=value, error=self.error, place=(self, key))
