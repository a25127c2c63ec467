"""The files of a baseline with full values and pictures, named by 16 digits of the digest.

The pictures are in `values/DIGITS.png`. The content of a file is not read here, but by the
comparison (docs/reference/values.md).
"""

from __future__ import annotations

import filecmp
import re
import shutil
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.errors import broken, place
from pytest_flowrepro.baseline.folder import real_file
from pytest_flowrepro.model import picture_file, value_file

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording

VALUES = "values"

_LIMIT = 200_000_000
"""Maximum number of bytes of one file; files that are written have less than half of it."""
_NAME = re.compile(r"[0-9a-f]{16}\.(npz|png)")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_FORMATS = {".npz": (b"PK\x03\x04", "a zip file"), ".png": (b"\x89PNG\r\n\x1a\n", "a PNG file")}
"""The first bytes of a file by its suffix, and the name of its format."""


def stored_values(recording: Recording) -> dict[str, Path]:
    """Return the current path of each stored value and picture, by file name."""
    files = {}
    for artifact in (*recording.parameters, *(a for t in recording.tasks for a in t.artifacts)):
        if artifact.stored is not None:
            files[value_file(artifact.digest)] = artifact.stored
        if artifact.picture is not None:
            files[picture_file(artifact.digest)] = artifact.picture
    return files


def value_files(folder: Path) -> dict[str, Path]:
    """Return values and pictures in a baseline's folder; other files are the user's own."""
    values = folder / VALUES
    if not values.is_dir():
        return {}
    return {path.name: path for path in values.iterdir() if _NAME.fullmatch(path.name)}


def changed_values(new: dict[str, Path], old: dict[str, Path]) -> set[str]:
    """Return the paths, in the baseline's folder, of files that are added, removed or changed."""
    both = new.keys() & old.keys()
    same = {name for name in both if _is_equal(new[name], old[name])}
    return {f"{VALUES}/{name}" for name in (new.keys() | old.keys()) - same}


def _is_equal(new: Path, old: Path) -> bool:
    try:
        return old.is_file() and filecmp.cmp(new, old, shallow=False)
    except OSError:  # a damaged one is replaced
        return False


def place_values(into: Path, new: dict[str, Path], old: Path) -> None:
    """Fill the folder `values` in `into` with the new values, and the user's files in the old."""
    before, values = old / VALUES, into / VALUES
    ours = value_files(old)
    users_files = (
        [path for path in before.iterdir() if path.name not in ours] if before.is_dir() else []
    )
    if new or users_files:
        values.mkdir()
    for path in users_files:
        copy_own(path, values / path.name)
    for name, file in sorted(new.items()):
        shutil.copyfile(file, values / name)


def copy_own(path: Path, to: Path) -> None:
    """Copy a file or a folder of the user's."""
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, to, symlinks=True)
    else:
        shutil.copy2(path, to, follow_symlinks=False)


def checked_values(folder: Path, named: str, *, root: Path) -> dict[str, Path]:
    """Return values and pictures of the baseline in `folder`, which messages call `named`.

    Raises `BaselineError` for one that is of another format, is too large, a Git LFS pointer, or
    not in `root`.
    """
    values = value_files(folder)
    for name, file in values.items():
        _check(file, place(named, f"{VALUES}/{name}"), root=root)
    return values


def _check(file: Path, shown: str, *, root: Path) -> None:
    real = real_file(file, shown, root=root, limit=_LIMIT)
    try:
        with real.open("rb") as start:
            begins = start.read(len(_LFS_POINTER))
    except OSError as error:
        raise broken(shown, f"cannot be read: {error.strerror}") from error
    if begins == _LFS_POINTER:
        raise broken(shown, "is a Git LFS pointer, not the file", hint="run `git lfs pull`")
    expected, name = _FORMATS[file.suffix]
    if not begins.startswith(expected):
        what = f"is not the file that was recorded: it should be {name} ({file.suffix})"
        raise broken(shown, what)
