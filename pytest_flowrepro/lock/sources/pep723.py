"""Requirements of the PEP 723 block of a flow's own file."""

from __future__ import annotations

import re
import tokenize
import tomllib
from typing import TYPE_CHECKING

from pytest_flowrepro.lock.sources.reading import Selection, python_specifier, requirement_lines
from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.lock.sources.uv_lock import with_script_lock
from pytest_flowrepro.lock.sources.uv_sources import read_sources
from pytest_flowrepro.lock.uv_resolution import with_script_resolution
from pytest_flowrepro.model import Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

# The regular expression of the inline script metadata specification:
# https://packaging.python.org/en/latest/specifications/inline-script-metadata/
_SCRIPT_BLOCK = re.compile(
    r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
)


def read_script(flow_file: Path, *, root: Path) -> Requirements | None:
    """Return the `# /// script` block of a flow's file, with the lock of the script if it exists.

    None without a block. Raises `LockError`.
    """
    source = f"{display_path(flow_file, root)} (PEP 723)"
    try:
        with tokenize.open(flow_file) as stream:
            text = stream.read()
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise LockError(
            f"{display_path(flow_file, root)} cannot be read",
            hint="save the file as UTF-8 and make it readable",
            detail=str(error),
        ) from error
    blocks = [match for match in _SCRIPT_BLOCK.finditer(text) if match["type"] == "script"]
    if not blocks:
        return None
    problems: list[str] = []
    if len(blocks) > 1:
        problems.append("it has more than one `# /// script` block")
    table = _block_table(blocks[0]["content"], problems)
    lines = requirement_lines(table.get("dependencies", []), "dependencies", problems)
    python = python_specifier(table.get("requires-python"), "requires-python", problems)
    sources = read_sources(
        lines, table, file=flow_file, selection=Selection(), root=root, problems=problems
    )
    if problems:
        raise LockError(
            f"{source} is not a valid `# /// script` block",
            hint="fix the `# /// script` block at the top of the flow's file",
            detail="\n".join(problems),
        )
    declared = Requirements(
        requirements=sources.requirements,
        source=source,
        requires_python=python,
        folders=sources.folders,
        sources=sources.of_indexes,
    )
    declared = with_script_resolution(declared, table, flow_file, root=root)
    return with_script_lock(declared, table, flow_file, root=root)


def _block_table(content: str, problems: list[str]) -> dict[str, object]:
    plain = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in content.splitlines(True)
    )
    try:
        return tomllib.loads(plain)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"its block is not valid TOML: {error}")
        return {}
