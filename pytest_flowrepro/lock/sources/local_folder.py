"""Folders of the repository that a declaration requires by their path."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pytest_flowrepro.model import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Iterable

METADATA = ("pyproject.toml", "setup.cfg", "setup.py")
"""A folder with a package has one of these; from the most to the least exactly readable."""

ARCHIVE = "a built file of a path cannot be locked; require the folder of its sources"
OUTSIDE = (
    "the path is outside of the repository, which a rerun does not see; move the package "
    "into the repository, or publish it to an index"
)

_ARCHIVE = re.compile(r"\.(?:whl|zip|tar(?:\.\w+)?|tgz)$", re.IGNORECASE)
# `./lib[plots]`, `file:../lib`, `file:///srv/lib#egg=lib`, `lib[plots] @ file:../lib`
_REFERENCE = re.compile(
    r"(?:[\w.-]+\s*(?:\[(?P<extras>[^\]]*)\])?\s*@\s*)?"
    r"(?P<url>file:(?://(?:localhost)?(?=/))?)?"
    r"(?P<path>[^\[\]#;]+?)\s*(?:\[(?P<more>[^\]]*)\])?(?:#\S*)?",
    re.IGNORECASE,
)


def referenced_folder(text: str, *, bases: Iterable[Path], root: Path) -> LocalFolder | str:
    """Return the folder that a line of a requirements file names, or why it cannot be used.

    A relative path is relative to the first of `bases` where it leads to a package: pip takes it
    relative to its working directory.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return "a path with a marker or an option is not supported; write the path alone"
    path = unquote(match["path"]) if match["url"] else match["path"]
    extras = match["extras"] or match["more"] or ""
    names = tuple(name.strip() for name in extras.split(",") if name.strip())
    candidates = [local_folder(path, base=base, root=root, extras=names) for base in bases]
    return next(
        (candidate for candidate in candidates if isinstance(candidate, LocalFolder)), candidates[0]
    )


def local_folder(
    path: str, *, base: Path, root: Path, extras: tuple[str, ...] = ()
) -> LocalFolder | str:
    """Return the folder at a path, or why it cannot be used.

    A relative path is relative to `base`.
    """
    if _ARCHIVE.search(path):
        return ARCHIVE
    folder = Path(os.path.normpath(base / path))
    if not folder.resolve().is_relative_to(root.resolve()):
        return OUTSIDE
    if not any((folder / name).is_file() for name in METADATA):
        what = "does not have any of" if folder.is_dir() else "is not a folder with"
        return f"{path} {what} {', '.join(METADATA)}; correct the path"
    if not folder.is_relative_to(root):  # an absolute path, by another name of the same folder
        folder = root / folder.resolve().relative_to(root.resolve())
    return LocalFolder(folder=folder, extras=extras)
