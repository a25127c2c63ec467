"""The removal of a baseline."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.files import HISTORY, is_baseline_file
from pytest_flowrepro.baseline.folder import MANIFEST
from pytest_flowrepro.baseline.locks import locks_folder, remove_unused_locks, sole_recorder
from pytest_flowrepro.baseline.values import VALUES, value_files
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from pathlib import Path


def remove_baseline(folder: Path) -> None:
    """Delete the files of a baseline, its unshared locks, and the folders that are then empty.

    The user's own files in the folder are kept; of a link to a folder only the link is deleted.
    The manifest is the last file, so that an interrupted removal leaves what is known to be a
    baseline. Raises `BaselineError` if a file cannot be deleted.
    """
    shared = locks_folder(folder)
    with sole_recorder(shared, shared.as_posix()):
        try:
            if folder.is_symlink():
                folder.unlink()
            else:
                _remove_files(folder)
                remove_unused_locks(shared)
        except OSError as error:
            raise BaselineError(
                f"The baseline in {folder} cannot be deleted: {error.strerror or error}",
                hint="make the folder writable, or delete it yourself",
            ) from error
        for place in (folder / VALUES, folder, folder.parent, folder.parent.parent):
            with contextlib.suppress(OSError):  # not empty, or none
                place.rmdir()


def drop_unused_locks(folder: Path) -> None:
    """Delete the locks that only the baseline in `folder` had, which does not exist any more.

    Raises `OSError` or `BaselineError`.
    """
    shared = locks_folder(folder)
    with sole_recorder(shared, shared.as_posix()):
        remove_unused_locks(shared)


def _remove_files(folder: Path) -> None:
    own = [path for path in folder.iterdir() if is_baseline_file(path.name) or path.name == HISTORY]
    own.sort(key=lambda path: path.name == MANIFEST)
    for path in (*value_files(folder).values(), *own):
        path.unlink()
