from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.environment import Wheelhouse
from pytest_flowrepro.environment.conda.prefix import kept_archive
from pytest_flowrepro.environment.conda.wheelhouse import save_archives, take_archives
from pytest_flowrepro.lockfile.conda import parse_conda
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import CondaLock

CONTENT = {"six-1.16.0-0.conda": b"six", "tzdata-2024a-0.tar.bz2": b"tzdata"}


@pytest.fixture
def lock() -> CondaLock:
    channel = "https://conda.corp/ml/noarch"
    lines = (f"{channel}/{name}#{sha256(data)}" for name, data in CONTENT.items())
    return parse_conda("\n".join(["# platform: linux-64", "@EXPLICIT", *lines]))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def wheelhouse(tmp_path: Path, lock: CondaLock) -> Wheelhouse:
    """Where a recording has saved both archives."""
    fetched = tmp_path / "fetched"
    for archive in lock.archives:
        file = kept_archive(fetched, archive)
        file.parent.mkdir(parents=True)
        file.write_bytes(CONTENT[archive.file_name])
    wheelhouse = Wheelhouse(location=str(tmp_path / "wheels"), save=True)
    save_archives(wheelhouse, lock, archives=fetched, timeout=60)
    save_archives(wheelhouse, lock, archives=tmp_path / "not-read-again", timeout=60)
    return Wheelhouse(location=wheelhouse.location)


def stored(tmp_path: Path, name: str) -> Path:
    (file,) = (tmp_path / "wheels" / "sha256").glob(f"*/{name}")
    return file


def test_what_was_saved_is_there_before_a_channel_is_asked(
    wheelhouse: Wheelhouse, lock: CondaLock, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    assert take_archives(wheelhouse, lock, archives=kept, timeout=60) == ()
    for archive in lock.archives:
        file = kept_archive(kept, archive)
        assert file.read_bytes() == CONTENT[archive.file_name]
        assert not file.is_symlink()
    assert len(list(kept.iterdir())) == 2


def test_what_it_does_not_have_is_named(
    wheelhouse: Wheelhouse, lock: CondaLock, tmp_path: Path
) -> None:
    stored(tmp_path, "six-1.16.0-0.conda").unlink()
    assert take_archives(wheelhouse, lock, archives=tmp_path / "kept", timeout=60) == (
        "the wheelhouse does not have six-1.16.0-0.conda; the conda channels were used instead",
    )


def test_an_archive_that_was_changed_there_is_refused(
    wheelhouse: Wheelhouse, lock: CondaLock, tmp_path: Path
) -> None:
    stored(tmp_path, "six-1.16.0-0.conda").write_bytes(b"poison")
    with pytest.raises(EnvironmentBuildError, match=r"six-1\.16\.0-0\.conda in the wheelhouse"):
        take_archives(wheelhouse, lock, archives=tmp_path / "kept", timeout=60)
    assert not list((tmp_path / "kept").rglob("*.conda"))


def test_one_that_cannot_be_read_is_done_without_unless_it_is_to_be_saved_to(
    lock: CondaLock, tmp_path: Path
) -> None:
    location = "s3://nowhere/at-all"
    pytest.importorskip("s3fs", reason="the extra `remote` is not installed")
    (note,) = take_archives(
        Wheelhouse(location=location), lock, archives=tmp_path / "kept", timeout=0
    )
    assert note.endswith("cannot be read; the conda channels were used instead")
    with pytest.raises(EnvironmentBuildError, match="cannot be read"):
        take_archives(
            Wheelhouse(location=location, save=True), lock, archives=tmp_path / "kept", timeout=0
        )
