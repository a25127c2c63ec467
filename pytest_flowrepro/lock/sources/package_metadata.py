"""Static metadata of a package, read without running code: name, version, commands and layout.

Anything that is computed is None. The layout is that of setuptools (`package-dir`,
`packages.find`), hatchling (`packages`), uv_build (`module-root`) and poetry-core.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version

from pytest_flowrepro.lock.sources.setup_files import setup_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PLAIN = ("setuptools", "hatchling", "flit_core", "flit", "poetry", "pdm", "uv_build")
"""Build backends that only copy plain Python."""

_COMPILING = ("ext_modules", "cffi_modules", "rust_extensions")
"""Arguments of `setup` that require a compiler."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    name: str | None = None
    version: str | None = None
    entry_points: str = ""
    """In the format of entry_points.txt."""
    base: str | None = None
    """The folder that contains its packages, relative to the project, if a file names one."""
    built: str | None = None
    """The reason why a build would change it, if any."""

    @property
    def module(self) -> str | None:
        """Return the name of its import package, unless the layout names another."""
        return re.sub(r"[-.\s]+", "_", self.name).lower() if self.name else None


def read_metadata(folder: Path) -> Metadata:
    """Return the metadata of a pyproject.toml, a setup.cfg and a setup.py; earlier ones go first.

    A file that cannot be read adds nothing; its requirements are refused elsewhere.
    """
    sources = [
        read(_text_or_empty(folder / name))
        for name, read in (
            ("pyproject.toml", _of_pyproject),
            ("setup.cfg", _of_setup_cfg),
            ("setup.py", _of_setup_py),
        )
    ]

    def first(field: str) -> Any:
        return next((value for source in sources if (value := getattr(source, field))), None)

    name, version = first("name"), first("version")
    return Metadata(
        name=name if name and is_normalized_name(canonicalize_name(name)) else None,
        version=version if version and _is_version(version) else None,
        entry_points=first("entry_points") or "",
        base=first("base"),
        built=first("built"),
    )


def _is_version(text: str) -> bool:
    """Return whether a text is a valid version: a folder is named after the version."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _text_or_empty(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""


def _of_pyproject(text: str) -> Metadata:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return Metadata()
    project = _table(document, "project")
    groups = {
        "console_scripts": _table(project, "scripts"),
        "gui_scripts": _table(project, "gui-scripts"),
        **_table(project, "entry-points"),
    }
    return Metadata(
        name=_string(project.get("name")),
        version=_string(project.get("version")),
        entry_points=_entry_points(groups),
        base=next(_bases(_table(document, "tool")), None),
        built=next(_builds(document), None),
    )


def _bases(tool: Mapping[str, Any]) -> Iterator[str]:
    match tool:
        case {"setuptools": {"package-dir": {"": str(base)}}}:
            yield base
    match tool:
        case {"setuptools": {"packages": {"find": {"where": [str(base), *_]}}}}:
            yield base
    match tool:
        case {"hatch": {"build": {"targets": {"wheel": {"packages": [str(package), *_]}}}}}:
            yield str(PurePosixPath(package).parent)
    match tool:
        case {"uv": {"build-backend": {"module-root": str(base)}}}:
            yield base or "."
    match tool:
        case {"poetry": {"packages": [{"from": str(base)}, *_]}}:
            yield base


def _builds(document: Mapping[str, Any]) -> Iterator[str]:
    backend = str(_table(document, "build-system").get("build-backend", "setuptools"))
    if not backend.startswith(_PLAIN):
        yield f"its build backend, {backend}, may compile it"
    match document:
        case {"tool": {"setuptools": {"ext-modules": [_, *_]}}}:
            yield "`ext-modules` in its pyproject.toml requires a compiler"
    match document:
        case {"tool": {"hatch": {"build": {"hooks": dict(hooks)}}}} if hooks:
            yield f"its build runs {', '.join(hooks)} (`[tool.hatch.build.hooks]`)"


def _of_setup_cfg(text: str) -> Metadata:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return Metadata()
    value = {
        f"{section}.{key}": value
        for section in parser.sections()
        for key, value in parser[section].items()
    }
    version = value.get("metadata.version", "")
    folders = re.search(r"(?m)^\s*=\s*(\S+)", value.get("options.package_dir", ""))
    points = "options.entry_points"
    groups = dict(parser[points]) if parser.has_section(points) else {}
    return Metadata(
        name=value.get("metadata.name"),
        version=None if version.startswith(("attr:", "file:")) else version or None,
        entry_points="".join(f"[{name}]\n{text.strip()}\n" for name, text in groups.items()),
        base=folders[1] if folders else value.get("options.packages.find.where"),
    )


def _of_setup_py(text: str) -> Metadata:
    try:
        arguments = setup_arguments(text)
    except (SyntaxError, ValueError, RecursionError):
        return Metadata()
    compiling = [name for name in _COMPILING if name in arguments]
    groups = {
        group: dict(_pair(line) for line in lines)
        for group, lines in _table(arguments, "entry_points").items()
        if isinstance(lines, list)
    }
    return Metadata(
        name=_string(arguments.get("name")),
        version=_string(arguments.get("version")),
        entry_points=_entry_points(groups),
        base=_string(_table(arguments, "package_dir").get("")),
        built=f"`{compiling[0]}` in its setup.py requires a compiler" if compiling else None,
    )


def _pair(line: object) -> tuple[str, str]:
    name, _, target = str(line).partition("=")
    return name.strip(), target.strip()


def _entry_points(groups: Mapping[str, Any]) -> str:
    return "".join(
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
        for group, points in groups.items()
        if isinstance(points, dict) and points
    )


def _table(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
