"""The place where a flow's requirements were found, and similar files that are not read."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pytest_flowrepro.lock.sources.find import find_requirements, folders_up
from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.lock.sources.unsupported import unread_declarations
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SIMILAR = re.compile(
    r"(?:.*[-_.])?(?:requirements?|reqs|deps|dependencies)(?:[-_.].*)?\.(?:txt|in)"
    r"|(?:.*[-_.])?(?:env|environment|conda)(?:[-_.].*)?\.ya?ml"
    r"|pylock\..+\.toml",
    re.IGNORECASE,
)
_READ = frozenset({"requirements.txt", "requirements.in", "environment.yml", "environment.yaml"})
_FOLDERS = frozenset({"requirements", "reqs", "deps"})
_SHOWN = 3


def search_hint(flow_file: Path, flow: str, *, root: Path, setting: str | None, wanted: str) -> str:
    """Return the end of a hint: where the requirements of a flow were found, and the line to add.

    `wanted` is the missing requirement, or "" if it is not known.
    """
    similar = sorted(similar_files(flow_file, root=root), key=lambda file: not _has(file, wanted))
    shown = [display_path(file, root) for file in similar]
    line = f":\n\n    {wanted}\n" if wanted else ""
    try:
        requirements = find_requirements(flow_file, root=root, setting=setting)
    except LockError:
        return line
    if not requirements.declared:
        folders = [display_path(folder, root) for folder in folders_up(flow_file, root=root)]
        folders = ["the project folder" if folder == "." else folder for folder in folders]
        none = f". No requirements were found in {', '.join(folders)}"
        if shown:
            return f"{none}; {_unread(shown)}. Name the file that has them:\n\n" + _setting_lines(
                flow, shown[0]
            )
        for declaration in unread_declarations(folders_up(flow_file, root=root), root=root):
            return (
                f"{none}; {declaration.sentence}. Write them into a file that is, and then "
                f"record:\n\n    {declaration.command}\n"
            )
        line = f"    metaflow\n    {wanted}\n" if wanted else "    metaflow\n"
        place = display_path(flow_file.with_name("requirements.txt"), root)
        return f"{none}. Write them into {place}:\n\n{line}"
    names = [name for name, file in zip(shown, similar, strict=True) if _has(file, wanted)]
    if names:
        return (
            f". They were found in {requirements.source}; {_unread(names)}. Name the file that has "
            f"`{wanted}`:\n\n{_setting_lines(flow, names[0])}"
        )
    unread = f" ({_unread(shown)})" if shown else ""
    return (
        f". They were found in {requirements.source}{unread}{'; add to it' if wanted else ''}{line}"
    )


def similar_files(flow_file: Path, *, root: Path) -> Iterator[Path]:
    """Yield files that are named like requirements, but are only read if configured.

    They are in the folders from the flow's own up to the project.
    """
    for folder in folders_up(flow_file, root=root):
        names = sorted(_listed(folder))
        yield from (
            folder / name for name in names if _SIMILAR.fullmatch(name) and name not in _READ
        )
        for inner in (folder / name for name in names if name in _FOLDERS):
            yield from (
                inner / name for name in sorted(_listed(inner)) if name.endswith((".txt", ".in"))
            )


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  names are wanted
    except OSError:  # a file of that name, or a folder that cannot be entered
        return []


def _has(file: Path, wanted: str) -> bool:
    """Return whether a file mentions the missing requirement."""
    name = re.split(r"[^\w.-]", wanted)[0]
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return bool(name) and re.search(rf"\b{re.escape(name)}\b", text) is not None


def _unread(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    verb = "is" if len(names) == 1 else "are"
    return f"{', '.join(names[:_SHOWN])}{more} {verb} not read unless configured"


def _setting_lines(flow: str, name: str) -> str:
    return f'    [tool.flowrepro.flow.{flow}]\n    requirements = "{name}"\n'
