from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.environment.wheelhouse.store import FolderStore, StoredWheel
from pytest_flowrepro.support.disk import (
    FullDiskError,
    free_bytes,
    full_disk,
    full_disk_in_output,
    naming_full_disk,
)
from pytest_flowrepro.support.errors import EnvironmentBuildError, PackageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    disk = tmp_path / "small"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system takes root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_the_folder_that_is_full_is_named_whoever_met_it(small_disk: Path, tmp_path: Path) -> None:
    store = FolderStore(small_disk / "wheelhouse")
    wheel = tmp_path / "six-1.17.0-py3-none-any.whl"
    wheel.write_bytes(b"x" * 250_000)
    for digest in ("a", "b"):
        saved = {StoredWheel(hash=f"sha256:{digest}", filename=wheel.name): wheel}
        if digest == "a":
            store.save(saved, timeout=1)
    (small_disk / "rest").touch()

    with (
        pytest.raises(FullDiskError) as caught,
        naming_full_disk(tmp_path, small_disk / "wheelhouse"),
    ):
        store.save(saved, timeout=1)

    where = f"{small_disk}/wheelhouse has "
    assert caught.value.what.startswith(f"The disk is full: {where}")
    assert caught.value.what.endswith(f"kB left on the file system at {small_disk}")
    assert "flowrepro clean" in caught.value.hint
    assert "the wheels were not saved" in caught.value.detail


def test_the_folder_that_an_error_names_is_taken(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "full", str(tmp_path / "gone" / "file"))
    with pytest.raises(FullDiskError) as caught, naming_full_disk(Path("/")):
        raise error
    assert str(tmp_path) in caught.value.what


def test_of_several_folders_that_with_least_room_is_named() -> None:
    rooms = {Path("/"): 70_000_000, Path("/usr"): 5_000, Path("/etc"): None}
    error = full_disk([Path("/no/such"), Path("/usr"), Path("/etc")], free=rooms.get)
    assert error.what.startswith("The disk is full: /usr has 4 kB left")


def test_a_quota_is_reported_if_the_disk_has_room() -> None:
    error = full_disk([Path("/usr")], free=lambda _: 10**9)
    assert error.what == "The disk is full, or this user's quota: /usr cannot be written"


def test_a_disk_that_cannot_be_asked_is_not_named() -> None:
    assert full_disk([Path("/usr")], free=lambda _: None).what == "The disk is full"
    assert free_bytes(Path("/no/such/folder")) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_an_error_of_any_stage_that_a_full_disk_caused_is_reported_as_one(number: int) -> None:
    outer = EnvironmentBuildError("outer", hint="see")
    inner = PackageError("cannot be written", hint="see", detail="x")
    inner.__context__ = OSError(number, os.strerror(number))
    with pytest.raises(FullDiskError) as caught, naming_full_disk():
        raise outer from inner
    assert caught.value.detail == "outer"


@pytest.mark.parametrize(
    "error", [PackageError("broken", hint="see"), OSError(errno.EACCES, "no"), FileNotFoundError()]
)
def test_other_errors_are_as_they_were(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, naming_full_disk():
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("output", "folder"),
    [
        ("failed to create directory `/usr/lib/new/place`: Disk quota exceeded", "/usr/lib"),
        ("OSError: [Errno 28] No space left on device: '/usr/lib/new'", "/usr/lib"),
    ],
)
def test_the_folder_that_a_tool_names_is_taken(output: str, folder: str) -> None:
    error = full_disk_in_output(output)
    assert error is not None
    assert f" {folder} " in error.what or f"{folder} cannot" in error.what


def test_a_tool_that_names_none_wrote_to_one_of_ours(tmp_path: Path) -> None:
    error = full_disk_in_output("No space left on device", tmp_path)
    assert error is not None
    assert error.what.startswith("The disk is full")
    assert full_disk_in_output("No module named six") is None
