"""The folders of a project, without those that hold no code of its own, and the modules in them."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = frozenset(
    {
        "__pycache__",  # Metaflow's rule
        "_escape_trampolines",  # Metaflow's rule
        "__flowrepro__",  # the baselines themselves
        ".git",
        "node_modules",  # installed from a lock of its own
    }
)
_MARKS = frozenset(
    {
        "pyvenv.cfg",  # a virtualenv (PEP 405)
        "conda-meta",  # a conda environment
        "CACHEDIR.TAG",  # a cache (Cache Directory Tagging Specification)
    }
)


def project_folders(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder of a project with the names of its folders and files, as `os.walk` gives them.

    What begins with a dot is left out as well; links are not followed.
    """
    for parent, folders, files in os.walk(root):
        folders[:] = [
            name for name in folders if name[0] != "." and not is_excluded(Path(parent, name))
        ]
        yield Path(parent), folders, files


def is_excluded(folder: Path) -> bool:
    # os.path: Path.exists raises where a folder cannot be entered.
    return folder.name in _NAMES or any(
        os.path.exists(folder / mark)  # noqa: PTH110
        for mark in _MARKS
    )


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
