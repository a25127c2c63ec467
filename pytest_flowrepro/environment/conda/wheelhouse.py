"""The archives of conda packages in the wheelhouse, which their channels may drop.

They are stored by hash, next to the wheels (environment/wheelhouse/store.py). Those taken from the
wheelhouse are placed in the cache of downloaded archives, so that a build does not download them.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.conda.prefix import kept_archive
from pytest_flowrepro.environment.wheelhouse.store import StoredWheel, WheelStoreError, open_store
from pytest_flowrepro.environment.wheelhouse.wheelhouse import check_hash
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from pytest_flowrepro.environment import Wheelhouse
    from pytest_flowrepro.model import CondaLock, LockedArchive


def take_archives(
    wheelhouse: Wheelhouse, lock: CondaLock, *, archives: Path, timeout: float
) -> tuple[str, ...]:
    """Copy the archives of a lock from the wheelhouse to the kept archives, unless they exist.

    Returns sentences about the archives that a channel has to supply; none when recording. Raises
    `EnvironmentBuildError` for a file that does not match its hash, and, when recording, if the
    wheelhouse cannot be read.
    """
    deadline = Deadline.after(timeout)
    archive_of = {_stored(archive): archive for archive in lock.archives}
    archives.mkdir(parents=True, exist_ok=True)
    try:
        store = open_store(wheelhouse.location)
        stored_wheels = store.find({wheel.hash for wheel in archive_of}, timeout=timeout)
        available = [wheel for wheel in stored_wheels if wheel in archive_of]
        absent = [
            wheel for wheel in available if not kept_archive(archives, archive_of[wheel]).exists()
        ]
        with tempfile.TemporaryDirectory(dir=archives) as folder:
            store.fetch(absent, Path(folder), timeout=deadline.left)
            for wheel in absent:
                file = Path(folder, wheel.filename)
                check_hash(file, wheel, store)
                destination = kept_archive(archives, archive_of[wheel])
                destination.parent.mkdir(exist_ok=True)
                whole = Path(folder, f"{wheel.filename}.whole")
                shutil.copyfile(file, whole)  # a link, if the wheelhouse is a folder
                whole.replace(destination)
    except WheelStoreError as error:
        if wheelhouse.save:
            raise
        return (f"{error.what}; the conda channels were used instead",)
    missing = sorted(wheel.filename for wheel in archive_of.keys() - set(available))
    if wheelhouse.save or not missing:
        return ()
    names = truncate_list(missing)
    return (f"the wheelhouse does not have {names}; the conda channels were used instead",)


def save_archives(
    wheelhouse: Wheelhouse, lock: CondaLock, *, archives: Path, timeout: float
) -> None:
    """Save all archives of an installed lock in the wheelhouse.

    Raises `EnvironmentBuildError` if it cannot be written.
    """
    deadline = Deadline.after(timeout)
    store = open_store(wheelhouse.location)
    files = {_stored(archive): kept_archive(archives, archive) for archive in lock.archives}
    existing = set(store.find({wheel.hash for wheel in files}, timeout=timeout))
    store.save(
        {wheel: file for wheel, file in files.items() if wheel not in existing},
        timeout=deadline.left,
    )


def _stored(archive: LockedArchive) -> StoredWheel:
    return StoredWheel(hash=f"sha256:{archive.sha256}", filename=archive.file_name)
