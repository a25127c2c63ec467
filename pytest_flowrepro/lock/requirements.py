"""Where a flow says what it needs."""

from __future__ import annotations

import re
import tokenize
import tomllib
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from pytest_flowrepro.errors import LockError
from pytest_flowrepro.lock.requirements_file import (
    display_path,
    read_requirements_file,
    requirement_problem,
)
from pytest_flowrepro.model import Requirements

if TYPE_CHECKING:
    from pathlib import Path

# The regular expression of the inline script metadata specification, as it stands there:
# https://packaging.python.org/en/latest/specifications/inline-script-metadata/
_SCRIPT_BLOCK = re.compile(
    r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
)

_FILE_NAMES = ("requirements.txt", "requirements.in")


def find_requirements(flow_file: Path, *, root: Path, setting: str | None) -> Requirements:
    """What a flow declares that it needs, from the first place that says so.

    `setting`, the `requirements` key of the configuration, is a path relative to `root`, the
    project folder. Without it: a PEP 723 block in the flow's file, then `requirements.txt` or
    `requirements.in` beside the flow, then in the project folder; else Metaflow alone. Of two
    files in one folder the `.txt` counts: it is what people install from. Metaflow is added
    where it is not declared. Raises `LockError` with every problem of the declaration.
    """
    declared = (
        _from_setting(setting, root)
        if setting is not None
        else _from_script(flow_file, root) or _from_folders(flow_file, root)
    )
    if declared is None:
        return Requirements(lines=("metaflow",), source="Metaflow alone (nothing is declared)")
    names = {canonicalize_name(Requirement(line).name) for line in declared.lines}
    if "metaflow" in names:
        return declared
    return Requirements(
        lines=(*declared.lines, "metaflow"),
        source=declared.source,
        requires_python=declared.requires_python,
        constraints=declared.constraints,
    )


def _from_setting(setting: str, root: Path) -> Requirements:
    file = root / setting
    if not file.is_file():
        raise LockError(
            f"The requirements file {setting} does not exist.",
            hint="correct `requirements` under `[tool.flowrepro]` in pyproject.toml: it is a "
            "path relative to the project folder.",
        )
    return read_requirements_file(file, root=root)


def _from_folders(flow_file: Path, root: Path) -> Requirements | None:
    for folder in dict.fromkeys((flow_file.parent, root)):
        for name in _FILE_NAMES:
            if (folder / name).is_file():
                return read_requirements_file(folder / name, root=root)
    return None


def _from_script(flow_file: Path, root: Path) -> Requirements | None:
    """The PEP 723 block of a flow's file; None without one."""
    source = f"{display_path(flow_file, root)} (PEP 723)"
    try:
        with tokenize.open(flow_file) as stream:
            text = stream.read()
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise LockError(
            f"{display_path(flow_file, root)} cannot be read.",
            hint="save the file as UTF-8, and make it readable.",
            detail=str(error),
        ) from error
    blocks = [match for match in _SCRIPT_BLOCK.finditer(text) if match["type"] == "script"]
    if not blocks:
        return None
    problems: list[str] = []
    if len(blocks) > 1:
        problems.append("it has more than one `# /// script` block")
    table = _block_table(blocks[0]["content"], problems)
    lines = _dependencies(table.get("dependencies", []), problems)
    requires_python = _requires_python(table.get("requires-python"), problems)
    if problems:
        raise LockError(
            f"{source} cannot be used.",
            hint="correct the `# /// script` block at the top of the flow's file.",
            detail="\n".join(problems),
        )
    return Requirements(lines=lines, source=source, requires_python=requires_python)


def _block_table(content: str, problems: list[str]) -> dict[str, object]:
    plain = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in content.splitlines(True)
    )
    try:
        return tomllib.loads(plain)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"its block is not valid TOML: {error}")
        return {}


def _dependencies(value: object, problems: list[str]) -> tuple[str, ...]:
    if not isinstance(value, list):
        problems.append("dependencies: not a list of strings")
        return ()
    lines = []
    for position, item in enumerate(value):
        problem = "not a string" if not isinstance(item, str) else requirement_problem(item)
        if problem:
            problems.append(f"dependencies[{position}]: {problem}")
        else:
            lines.append(item)
    return tuple(lines)


def _requires_python(value: object, problems: list[str]) -> str | None:
    if value is None:
        return None
    try:
        return str(SpecifierSet(str(value)))
    except InvalidSpecifier:
        problems.append(f"requires-python: {value!r} is not a version specifier such as '>=3.11'")
        return None
