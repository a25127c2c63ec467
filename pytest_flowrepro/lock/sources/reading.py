"""Helpers of the readers of declarations: texts, requirements and Python versions, checked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.lockfile.requirement import parse_requirement
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import RequirementLine


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The optional parts of a declaration that the configuration selects for a flow."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def read_text(file: Path, *, root: Path) -> str:
    """Return the text of a file.

    Raises `LockError` if it does not exist, is not readable or not UTF-8.
    """
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise LockError(
            f"{display_path(file, root)} cannot be read: {reason}",
            hint="save the file as UTF-8 and make it readable",
        ) from error


def read_toml(file: Path, *, root: Path) -> dict[str, Any]:
    """Return the tables of a TOML file. Raises `LockError` if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(read_text(file, root=root))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LockError(
            f"{display_path(file, root)} is not valid TOML",
            hint="fix the line named above, or restore the file from git",
            detail=str(error),
        ) from error


def requirement_lines(value: object, key: str, problems: list[str]) -> tuple[RequirementLine, ...]:
    """Return the requirements (PEP 508) of a list, and add those that are invalid to `problems`."""
    if not isinstance(value, list):
        problems.append(f"{key}: not a list of strings")
        return ()
    lines = []
    for position, item in enumerate(value):
        requirement = parse_requirement(item) if isinstance(item, str) else "not a string"
        if isinstance(requirement, str):
            problems.append(f"{key}[{position}]: {requirement}")
        else:
            lines.append(requirement)
    return tuple(lines)


def python_specifier(value: object, key: str, problems: list[str]) -> str | None:
    """Return a specifier set, `>=3.11`; an invalid one is added to `problems`."""
    if value is None:
        return None
    try:
        return str(SpecifierSet(str(value)))
    except InvalidSpecifier:
        problems.append(f"{key}: {value!r} is not a version specifier such as '>=3.11'")
        return None


def unknown(name: str, key: str, known: tuple[str, ...]) -> str:
    """Return the problem of a selected extra or group that a declaration does not have."""
    choices = f" (known: {', '.join(known)})" if known else ""
    return f"{key}: unknown name `{name}`{choices}"
