"""uv's settings files, and those of their settings that say where packages come from.

uv is never left to read these files itself: in them may stand settings that change what is
resolved or installed (`override-dependencies`, `[pip] target`, ...), of whoever runs a check. It is
given a file of ours instead (https://docs.astral.sh/uv/reference/settings/).
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
"""Settings that hold an address, or several."""

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
"""Those of its table `pip`, which are for `uv pip` alone."""

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
    """Yield the files that uv would read in a folder, the strongest first.

    As its documentation has it under "Configuration files".
    """
    if named := environ.get("UV_CONFIG_FILE"):
        yield Path(named)
        return
    if is_on(environ.get("UV_NO_CONFIG")):
        return
    for folder in (project, *project.parents):
        own = folder / "uv.toml"
        found = own if own.is_file() else folder / "pyproject.toml"
        if found == own or uv_table(found):
            yield found
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
    """Return what a file says that others are to complain about; empty where it cannot be read."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}


def uv_table(file: Path) -> dict[str, Any]:
    """Return the part of a file that is for uv; empty where there is none that can be read."""
    table = read_toml_or_nothing(file)
    if file.name == "pyproject.toml":
        tool = table.get("tool")
        found = tool.get("uv") if isinstance(tool, dict) else None
        return found if isinstance(found, dict) else {}
    return table


def index_settings(files: Iterable[Path]) -> dict[str, Any]:
    """Merge what the files say of indexes and of the way to them, as uv does: of several values
    the first counts, of several lists all, the first file's first. Paths become absolute.
    """
    merged: dict[str, Any] = {}
    for file in files:
        table = uv_table(file)
        _merge(merged, from_table(table, folder=file.parent))
        pip = table.get("pip")
        if isinstance(pip, dict):
            kept = _kept(pip, REACH_UV_PIP, file.parent)
            if kept:
                _merge(merged.setdefault("pip", {}), kept)
    return merged


def from_table(table: Mapping[str, Any], *, folder: Path) -> dict[str, Any]:
    """Return what one table of uv's settings says of indexes and of the way to them.

    Relative paths are meant from `folder`.
    """
    found = _kept(table, REACH_UV, folder)
    indexes = found.pop("index", None)
    if isinstance(indexes, list):
        found["index"] = [
            index_table(index, folder=folder) for index in indexes if isinstance(index, dict)
        ]
    return found


def index_table(index: Mapping[str, Any], *, folder: Path) -> dict[str, Any]:
    """Return the part of one `[[tool.uv.index]]` that says where it is and how it is asked."""
    kept = {key: value for key, value in index.items() if key in _OF_AN_INDEX}
    if isinstance(kept.get("url"), str):
        kept["url"] = absolute(kept["url"], folder)
    return kept


def absolute(location: str, folder: Path | None = None) -> str:
    """A path as it is meant in a folder, by default the one where pytest was started; a URL as it
    is.
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
            items = (f"{json.dumps(key)} = {to_literal(one)}" for key, one in value.items())
            return f"{{{', '.join(items)}}}"
        case list() | tuple():
            return f"[{', '.join(map(to_literal, value))}]"
        case bool():
            return str(value).lower()
        case datetime() | date() | time():  # uv wants these as text
            return json.dumps(value.isoformat())
        case int() | float():
            return repr(value)
        case _:
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _kept(table: Mapping[str, Any], keys: frozenset[str], folder: Path) -> dict[str, Any]:
    return {
        key: _located(value, folder) if key in _LOCATIONS else value
        for key, value in table.items()
        if key in keys
    }


def _located(value: object, folder: Path) -> object:
    match value:
        case str():
            return absolute(value, folder)
        case list():
            return [absolute(one, folder) if isinstance(one, str) else one for one in value]
        case _:
            return value


def _merge(merged: dict[str, Any], added: Mapping[str, Any]) -> None:
    for key, value in added.items():
        if key not in merged:
            merged[key] = value
        elif isinstance(value, list) and isinstance(merged[key], list):
            merged[key] = [*merged[key], *value]
