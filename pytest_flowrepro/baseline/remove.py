"""The removal of a baseline."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.files import HISTORY, MANIFEST, is_baseline_file
from pytest_flowrepro.baseline.values import VALUES, value_files
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from pathlib import Path


def remove_baseline(folder: Path) -> None:
    """Delete the files of a baseline, and the folders up to `__flowrepro__` that are then empty.

    The user's own files in the folder are kept; of a link to a folder only the link is deleted.
    The manifest is the last file, so that an interrupted removal leaves what is known to be a
    baseline. Raises `BaselineError` if a file cannot be deleted.
    """
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            own = [
                path
                for path in folder.iterdir()
                if is_baseline_file(path.name) or path.name == HISTORY
            ]
            own.sort(key=lambda path: path.name == MANIFEST)
            for path in (*value_files(folder).values(), *own):
                path.unlink()
    except OSError as error:
        raise BaselineError(
            f"The baseline in {folder} cannot be deleted: {error.strerror or error}",
            hint="make the folder writable, or delete it yourself",
        ) from error
    for place in (folder / VALUES, folder, folder.parent, folder.parent.parent):
        with contextlib.suppress(OSError):  # not empty, or none
            place.rmdir()
