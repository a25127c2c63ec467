from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from recorded_repository import record
from recordings import recording

from pytest_flowrepro.baseline import fingerprint, lock_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def rewritten_with_its_times(file: Path) -> None:
    before = file.stat()
    file.write_bytes(b"y" + file.read_bytes()[1:])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: rewritten_with_its_times(folder / "manifest.json"),
        lambda folder: rewritten_with_its_times(folder / "values/large.npy"),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "values/new").touch(),
        lambda folder: (folder / "manifest.json").rename(folder / "m"),
    ],
    ids=["content", "large", "removed", "new", "renamed"],
)
def test_any_change_is_seen(tmp_path: Path, change: Callable[[Path], object]) -> None:
    (tmp_path / "values").mkdir()
    (tmp_path / "manifest.json").write_bytes(b"x" * 100)
    (tmp_path / "values/large.npy").write_bytes(b"x" * 2_000_000)
    before = fingerprint(tmp_path)
    (tmp_path / "manifest.json").touch()  # the same content all the same
    assert fingerprint(tmp_path) == before
    change(tmp_path)
    assert fingerprint(tmp_path) != before


def test_a_change_of_its_lock_is_seen(tmp_path: Path) -> None:
    folder = record(tmp_path, recording())
    (lock,) = lock_files(folder)
    before = fingerprint(folder)
    assert lock in before
    lock.write_text("metaflow==1")
    assert fingerprint(folder) != before


def test_where_nothing_is_recorded_there_is_nothing(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "F") == {}
