"""uv's settings files, and those of their settings that say where packages come from.

uv never reads these files itself: they may have settings of the user that change what is resolved
or installed (`override-dependencies`, `[pip] target`, ...). It gets a file of ours instead
(https://docs.astral.sh/uv/reference/settings/).
"""

from __future__ import annotations

import json
import os
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LOCATIONS = frozenset({"index-url", "extra-index-url", "find-links"})
"""Settings whose value is an address or several."""

NAME_AN_INDEX = _LOCATIONS | {"index", "no-index"}

_OF_BOTH = NAME_AN_INDEX | {"index-strategy", "keyring-provider"}

REACH_UV = _OF_BOTH | {
    "allow-insecure-host",
    "concurrent-downloads",
    "http-proxy",
    "https-proxy",
    "native-tls",
    "no-proxy",
    "offline",
    "system-certs",
}
"""Settings of uv that say where packages come from, and how to get there."""

REACH_UV_PIP = _OF_BOTH - {"index"}
"""The same settings of its table `pip`, which is for `uv pip` alone."""

_OF_AN_INDEX = frozenset(
    {
        "name",
        "url",
        "explicit",
        "default",
        "format",
        "authenticate",
        "ignore-error-codes",
        "cache-control",
    }
)


def uv_files(project: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files that uv would read in a folder, by descending precedence.

    The rule is that of uv's documentation under "Configuration files".
    """
    if named := environ.get("UV_CONFIG_FILE"):
        yield Path(named)
        return
    if is_on(environ.get("UV_NO_CONFIG")):
        return
    for folder in (project, *project.parents):
        uv_toml = folder / "uv.toml"
        file = uv_toml if uv_toml.is_file() else folder / "pyproject.toml"
        if file == uv_toml or uv_table(file):
            yield file
            break
    home = Path(environ.get("HOME") or Path.home())
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config", "uv", "uv.toml")
    if is_on(environ.get("UV_NO_SYSTEM_CONFIG")):
        return
    shared = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    yield from (Path(folder, "uv", "uv.toml") for folder in shared if folder)
    yield Path("/etc/uv/uv.toml")


def is_on(value: str | None) -> bool:
    return (value or "").lower() in {"1", "true", "yes", "on", "y", "t"}


def read_toml_or_nothing(file: Path) -> dict[str, Any]:
    """Return the contents of a TOML file; empty if it cannot be read, which others report."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}


def uv_table(file: Path) -> dict[str, Any]:
    """Return the part of a file that is for uv; empty without one or if it cannot be read."""
    table = read_toml_or_nothing(file)
    if file.name == "pyproject.toml":
        tool = table.get("tool")
        table_of_uv = tool.get("uv") if isinstance(tool, dict) else None
        return table_of_uv if isinstance(table_of_uv, dict) else {}
    return table


def index_settings(files: Iterable[Path]) -> dict[str, Any]:
    """Merge the files' settings of indexes and of the access to them, as uv does.

    Of several values the first counts; lists are joined, the first file's first. Paths become
    absolute.
    """
    merged: dict[str, Any] = {}
    for file in files:
        table = uv_table(file)
        _merge(merged, from_table(table, folder=file.parent))
        pip = table.get("pip")
        if isinstance(pip, dict):
            settings = _select(pip, REACH_UV_PIP, file.parent)
            if settings:
                _merge(merged.setdefault("pip", {}), settings)
    return merged


def from_table(table: Mapping[str, Any], *, folder: Path) -> dict[str, Any]:
    """Return the settings of indexes, and of the access to them, in one table of uv.

    Paths are relative to `folder`.
    """
    settings = _select(table, REACH_UV, folder)
    indexes = settings.pop("index", None)
    if isinstance(indexes, list):
        settings["index"] = [
            index_table(index, folder=folder) for index in indexes if isinstance(index, dict)
        ]
    return settings


def index_table(index: Mapping[str, Any], *, folder: Path) -> dict[str, Any]:
    """Return the keys of one `[[tool.uv.index]]` about its address and the access to it."""
    settings = {key: value for key, value in index.items() if key in _OF_AN_INDEX}
    if isinstance(settings.get("url"), str):
        settings["url"] = absolute(settings["url"], folder)
    return settings


def absolute(location: str, folder: Path | None = None) -> str:
    """Return the absolute path of a path relative to a folder, by default that of pytest's start.

    A URL is returned as it is.
    """
    if "://" in location:
        return location
    return os.path.abspath(os.path.join(folder or "", os.path.expanduser(location)))  # noqa: PTH100, PTH111, PTH118  resolve() would follow links


def to_toml(settings: Mapping[str, Any]) -> str:
    """Write settings as a TOML file; keys with a table come last."""
    plain = {key: value for key, value in settings.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in settings.items() if isinstance(value, dict)}
    return "".join(f"{key} = {to_literal(value)}\n" for key, value in {**plain, **tables}.items())


def to_literal(value: object) -> str:
    """Write a value as TOML on one line."""
    match value:
        case dict():
            items = (f"{json.dumps(key)} = {to_literal(item)}" for key, item in value.items())
            return f"{{{', '.join(items)}}}"
        case list() | tuple():
            return f"[{', '.join(map(to_literal, value))}]"
        case bool():
            return str(value).lower()
        case datetime() | date() | time():  # uv expects these as text
            return json.dumps(value.isoformat())
        case int() | float():
            return repr(value)
        case _:
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _select(table: Mapping[str, Any], keys: frozenset[str], folder: Path) -> dict[str, Any]:
    return {
        key: _make_absolute(value, folder) if key in _LOCATIONS else value
        for key, value in table.items()
        if key in keys
    }


def _make_absolute(value: object, folder: Path) -> object:
    match value:
        case str():
            return absolute(value, folder)
        case list():
            return [absolute(item, folder) if isinstance(item, str) else item for item in value]
        case _:
            return value


def _merge(merged: dict[str, Any], added: Mapping[str, Any]) -> None:
    for key, value in added.items():
        if key not in merged:
            merged[key] = value
        elif isinstance(value, list) and isinstance(merged[key], list):
            merged[key] = [*merged[key], *value]
