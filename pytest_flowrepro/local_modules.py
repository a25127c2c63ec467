"""Modules of the repository that a flow imports and that are not where Python looks for them."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.excluded import project_folders

if TYPE_CHECKING:
    from pytest_flowrepro.model import FlowSource


def find_module(dotted: str, *, root: Path) -> Path | None:
    """The folder of the project that, on Python's path, makes `dotted` importable.

    None when no folder does; the one nearest to `root` when several do. What begins with a dot,
    virtualenvs and caches are not looked into.
    """
    top, *rest = dotted.split(".")
    found = (folder for folder in _holders(root).get(top, ()) if _gives(Path(folder, top, *rest)))
    return min(found, key=lambda folder: (len(folder.parts), folder), default=None)


def forget_modules() -> None:
    """Look anew: a session asks often, and the project is walked through but once."""
    _holders.cache_clear()


def include_line(dotted: str, *, flow: FlowSource, root: Path) -> str | None:
    """The `include` setting that packages a module of the project; None when it has none such.

    All that lies beside the module comes with it, which it may import as well, unless the flow
    itself lies there.
    """
    folder = find_module(dotted, root=root)
    if folder is None:
        return None
    top, here = folder / dotted.partition(".")[0], flow.file.parent
    if not here.is_relative_to(folder):
        top = folder
    elif not top.is_dir():
        top = top.with_suffix(".py")
    # Path.relative_to(walk_up=True) comes with Python 3.12 only.
    return f'include = ["{Path(os.path.relpath(top, here)).as_posix()}"]'


@lru_cache(maxsize=1)
def _holders(root: Path) -> dict[str, list[Path]]:
    """The folders of the project that hold a module or package of a name."""
    found: dict[str, list[Path]] = {}
    for parent, folders, files in project_folders(root):
        modules = (name.removesuffix(".py") for name in files if name.endswith(".py"))
        for name in {*folders, *modules}:
            found.setdefault(name, []).append(parent)
    return found


def _gives(module: Path) -> bool:
    return module.with_suffix(".py").is_file() or any(module.glob("*.py"))
