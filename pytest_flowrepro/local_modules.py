"""Modules of the repository that a flow imports and that are not where Python looks for them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pytest_flowrepro.excluded import project_folders


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
