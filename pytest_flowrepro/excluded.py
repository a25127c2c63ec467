"""Folders of a repository that hold no code of its own: nothing is packaged or looked for there."""

from __future__ import annotations

import os
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
