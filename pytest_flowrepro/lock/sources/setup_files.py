"""Dependencies of setuptools projects: setup.cfg is read, setup.py is never run."""

from __future__ import annotations

import ast
import configparser
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pytest_flowrepro.lock.sources.reading import (
    Selection,
    python_specifier,
    read_text,
    requirement_lines,
    unknown,
)
from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.model import LocalFolder, Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_WRITE_THEM_DOWN = "write a requirements file for the flow, or declare them in pyproject.toml"


def read_setup_cfg(file: Path, *, root: Path, selection: Selection) -> Requirements | None:
    """Return `[options] install_requires`, with the selected extras; None if empty.

    Lists are read as setuptools reads them (`setuptools.config.setupcfg`). Raises `LockError`.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_text(file, root=root), source=display_path(file, root))
    except configparser.Error as error:
        raise _unusable(file, root, [str(error)]) from error
    options = dict(parser["options"]) if parser.has_section("options") else {}
    section = "options.extras_require"
    extras = dict(parser[section]) if parser.has_section(section) else {}
    problems: list[str] = []
    declared = {
        "install_requires": _listed(options.get("install_requires", ""), problems),
        "extras_require": {name: _listed(value, problems) for name, value in extras.items()},
        "python_requires": options.get("python_requires"),
    }
    return _requirements(declared, file, root, selection, problems)


def read_setup_py(file: Path, *, root: Path, selection: Selection) -> Requirements | None:
    """Return the literal `install_requires` of a call of `setup`, with the selected extras.

    None without one. A computed value is refused, as the file is never run. Raises `LockError`.
    """
    try:
        tree = ast.parse(read_text(file, root=root))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise _unusable(file, root, [str(error)]) from error
    keywords = {"install_requires", "python_requires"}
    keywords |= {"extras_require"} if selection.extras else set()
    declared: dict[str, Any] = {}
    problems: list[str] = []
    for keyword in _setup_keywords(tree):
        if keyword.arg is None:
            problems.append(f"line {keyword.value.lineno}: `**` hides the requirements")
        elif keyword.arg in keywords:
            try:
                declared[keyword.arg] = ast.literal_eval(keyword.value)
            except (ValueError, TypeError):
                problems.append(f"line {keyword.lineno}: {keyword.arg} is computed")
    return _requirements(declared, file, root, selection, problems)


def setup_arguments(source: str) -> dict[str, Any]:
    """Return the arguments of `setup` in the text of a setup.py, by keyword.

    A computed one is None.

    Raises `SyntaxError`, `ValueError` or `RecursionError` if it is not Python.
    """
    arguments: dict[str, Any] = {}
    for keyword in _setup_keywords(ast.parse(source)):
        if keyword.arg is not None:
            try:
                arguments[keyword.arg] = ast.literal_eval(keyword.value)
            except (ValueError, TypeError):
                arguments[keyword.arg] = None
    return arguments


def _setup_keywords(tree: ast.AST) -> Iterator[ast.keyword]:
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Name(id="setup") | ast.Attribute(attr="setup")):
                yield from call.keywords


def _listed(value: str, problems: list[str]) -> list[str]:
    """Split a value with one requirement per line, or with `;` between them in one line."""
    if value.lstrip().startswith(("file:", "attr:")):
        problems.append(
            f"`{value.strip().splitlines()[0][:60]}` refers to another file; set that one instead"
        )
        return []
    parts = value.splitlines() if "\n" in value else value.split(";")
    return [part.strip() for part in parts if part.strip() and not part.strip().startswith("#")]


def _requirements(
    declared: Mapping[str, Any],
    file: Path,
    root: Path,
    selection: Selection,
    problems: list[str],
) -> Requirements | None:
    lines = requirement_lines(declared.get("install_requires", []), "install_requires", problems)
    extras = declared.get("extras_require", {})
    if not isinstance(extras, dict):
        problems.append("extras_require: not a table")
        extras = {}
    optional = {canonicalize_name(str(name)): value for name, value in extras.items()}
    for name in selection.extras:
        key = canonicalize_name(name)
        if key in optional:
            lines += requirement_lines(optional[key], f"extras_require.{key}", problems)
        else:
            problems.append(unknown(name, "extras_require", tuple(optional)))
    python = python_specifier(declared.get("python_requires"), "python_requires", problems)
    if problems:
        raise _unusable(file, root, problems)
    if not lines:
        return None
    return Requirements(
        requirements=tuple(dict.fromkeys(lines)),
        source=display_path(file, root),
        requires_python=python,
        folders=(LocalFolder(folder=file.parent, itself=True),),
    )


def _unusable(file: Path, root: Path, problems: list[str]) -> LockError:
    return LockError(
        f"{display_path(file, root)} cannot be used: it is parsed, not executed",
        hint=_WRITE_THEM_DOWN + ", and set that file as `requirements` under `[tool.flowrepro]`",
        detail="\n".join(problems),
    )
