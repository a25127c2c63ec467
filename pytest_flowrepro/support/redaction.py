"""Hides secrets: credentials in URLs, and the values of variables that were passed through, which
reach the flow and nothing else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_flowrepro.support.strict_json import Json

# The last @ before the path ends the user information: a password may hold a raw one.
_USER_INFORMATION = re.compile(r"(?<=://)[^/\s]*@")
_CONDA_TOKEN = re.compile(r"(?<=/)t/[^/\s]+/")

_SHORTEST = 4
"""Characters: `1` or `yes` is no secret, and to hide it would tear every text apart."""


def without_credentials(text: str) -> str:
    """Return a URL, or a text with URLs in it, without user names and passwords."""
    return _USER_INFORMATION.sub("", text)


def without_conda_credentials(text: str) -> str:
    """Return the same for URLs of conda's channels: a token may stand in their path."""
    return _CONDA_TOKEN.sub("", without_credentials(text))


@dataclass(frozen=True)
class Redaction:
    """What must not be written, and the name that stands for it."""

    values: Mapping[str, str]
    """Name of the variable -> its value."""

    def text(self, text: str) -> str:
        for value, shown in self._replacements:
            text = text.replace(value, shown)
        return text

    def json(self, value: Json) -> Json:
        """The same for every text in a JSON value, the names in its objects included."""
        if not self._replacements:
            return value
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.json(item) for item in value]
            case dict():
                return {self.text(key): self.json(item) for key, item in value.items()}
            case _:
                return value

    def occurs_in(self, data: IO[bytes]) -> bool:
        """Whether a value stands in a stream, as text or as JSON text."""
        forms = {value for value, _ in self._replacements}
        wanted = [form.encode() for form in forms | {json.dumps(form)[1:-1] for form in forms}]
        overlap = max(map(len, wanted), default=0)
        before = b""
        while wanted and (read := data.read(1 << 20)):
            seen = before + read
            if any(form in seen for form in wanted):
                return True
            before = seen[-overlap:]
        return False

    @cached_property
    def _replacements(self) -> tuple[tuple[str, str], ...]:
        """The longest first: one value may be part of another."""
        found = {
            form: f"[{name}]"
            for name, value in self.values.items()
            for form in _forms(value)
            if len(form) >= _SHORTEST
        }
        return tuple(sorted(found.items(), key=lambda entry: -len(entry[0])))


def _forms(value: str) -> Iterator[str]:
    """How a value may stand in a text: as it is, line by line, as a literal or a URL shows it."""
    yield value
    yield from value.splitlines()
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value)
    yield quote(value, safe="")


NOTHING = Redaction({})
