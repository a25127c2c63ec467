"""The folders of a project that may have code of its own, and the modules in them."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = frozenset(
    {
        "__pycache__",  # Metaflow's rule
        "_escape_trampolines",  # Metaflow's rule
        "__flowrepro__",  # the baselines themselves
        ".git",
        "node_modules",  # installed from a lock of its own
    }
)
"""Names of folders that have none."""
_MARKS = frozenset(
    {
        "pyvenv.cfg",  # a virtualenv (PEP 405)
        "conda-meta",  # a conda environment
        "CACHEDIR.TAG",  # a cache (Cache Directory Tagging Specification)
    }
)


def project_folders(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield each folder of a project with the names of its folders and files, as `os.walk` does.

    Excluded folders and those that begin with a dot are skipped; links are not followed.
    """
    for parent, folders, files in os.walk(root):
        folders[:] = [
            name for name in folders if name[0] != "." and not is_excluded(Path(parent, name))
        ]
        yield Path(parent), folders, files


def is_excluded(folder: Path) -> bool:
    # os.path: Path.exists raises if a folder cannot be entered.
    return folder.name in NAMES or any(
        os.path.exists(folder / mark)  # noqa: PTH110
        for mark in _MARKS
    )


def find_module(dotted: str, *, root: Path) -> Path | None:
    """Return the folder of the project that, on Python's path, makes `dotted` importable.

    None if no folder does; the one nearest to `root` if several do. Folders that begin with a dot,
    virtualenvs and caches are not searched.
    """
    top, *rest = dotted.split(".")
    holders = (
        holder for holder in _holders(root).get(top, ()) if _is_module(Path(holder, top, *rest))
    )
    return min(holders, key=lambda folder: (len(folder.parts), folder), default=None)


def forget_modules() -> None:
    """Clear the cache of `find_module`, which walks through the project once per session."""
    _holders.cache_clear()


@lru_cache(maxsize=1)
def _holders(root: Path) -> dict[str, list[Path]]:
    """Return the folders of the project that have a module or package, by its name."""
    holders: dict[str, list[Path]] = {}
    for parent, folders, files in project_folders(root):
        modules = (name.removesuffix(".py") for name in files if name.endswith(".py"))
        for name in {*folders, *modules}:
            holders.setdefault(name, []).append(parent)
    return holders


def _is_module(module: Path) -> bool:
    return module.with_suffix(".py").is_file() or any(module.glob("*.py"))
