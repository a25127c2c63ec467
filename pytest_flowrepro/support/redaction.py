"""Redaction of secrets: credentials in URLs, and the values of passed-through variables, which
only the flow may see.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_flowrepro.support.strict_json import Json

# The last @ before the path ends the user information: a password may hold a raw one.
_USER_INFORMATION = re.compile(r"(?<=://)[^/\s]*@")
_CONDA_TOKEN = re.compile(r"(?<=/)t/[^/\s]+/")

_SHORTEST = 4
"""Minimum number of characters: `1` or `yes` is not a secret, and occurs in every text."""


def without_credentials(text: str) -> str:
    """Return a URL, or a text with URLs, without user names and passwords."""
    return _USER_INFORMATION.sub("", text)


def without_conda_credentials(text: str) -> str:
    """Return a text without credentials and without the tokens in paths of conda channels."""
    return _CONDA_TOKEN.sub("", without_credentials(text))


@dataclass(frozen=True, slots=True)
class SecretUrl:
    """A URL that may have credentials in its user information and in its query."""

    url: str

    @property
    def shown(self) -> str:
        """The URL without both."""
        return without_credentials(self.url).partition("?")[0]

    def redact(self, text: str) -> str:
        """Return a text without the credentials of this URL, wherever they are in it."""
        text = without_credentials(text.replace(self.url, self.shown))
        parts = urlsplit(self.url)
        secrets = (parts.password, parts.query, *(value for _, value in parse_qsl(parts.query)))
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return text


@dataclass(frozen=True)
class Redaction:
    """The values that must not be written; the variable's name replaces them."""

    values: Mapping[str, str]
    """The values by the variable's name."""

    def text(self, text: str) -> str:
        for value, shown in self._replacements:
            text = text.replace(value, shown)
        return text

    def json(self, value: Json) -> Json:
        """Redact every text in a JSON value, including the keys of objects."""
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

    def data(self, data: bytes) -> bytes:
        """Redact the values in the bytes of a text, which may be part of something else."""
        for value, shown in self._replacements:
            data = data.replace(value.encode(errors="surrogateescape"), shown.encode())
        return data

    def occurs_in(self, data: IO[bytes]) -> bool:
        """Return whether a stream has one of the values, as text or as JSON text."""
        forms = {value for value, _ in self._replacements}
        secrets = [form.encode() for form in forms | {json.dumps(form)[1:-1] for form in forms}]
        overlap = max(map(len, secrets), default=0)
        before = b""
        while secrets and (read := data.read(1 << 20)):
            window = before + read
            if any(secret in window for secret in secrets):
                return True
            before = window[-overlap:]
        return False

    @cached_property
    def _replacements(self) -> tuple[tuple[str, str], ...]:
        """The values with their replacements, longest first: one may be part of another."""
        replacements = {
            form: f"[{name}]"
            for name, value in self.values.items()
            for form in _forms(value)
            if len(form) >= _SHORTEST
        }
        return tuple(sorted(replacements.items(), key=lambda entry: -len(entry[0])))


def _forms(value: str) -> Iterator[str]:
    """Yield the forms of a value in a text: as it is, its lines, as a literal, in HTML and URLs."""
    yield value
    yield from value.splitlines()
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield html.escape(value, quote=False)
    yield html.escape(value)
    yield quote(value)
    yield quote(value, safe="")


NOTHING = Redaction({})
