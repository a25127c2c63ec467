"""What every store of wheels does, and what each kind does in its own way."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.environment.wheelhouse.store import (
    FolderStore,
    RemoteStore,
    StoredWheel,
    WheelStoreError,
    open_store,
)
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.environment.wheelhouse.store import WheelStore

WHEEL = StoredWheel(hash="sha256:" + "a" * 64, filename="plum-1.0-py3-none-any.whl")
OTHER = StoredWheel(hash="sha256:" + "b" * 64, filename="pear-2.0-py3-none-any.whl")


@pytest.fixture(params=["folder", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> WheelStore:
    match request.param:
        case "folder":
            return open_store(str(tmp_path / "wheels"))
        case "file":
            return open_store((tmp_path / "wheel house").as_uri())
        case _:
            pytest.importorskip("fsspec", reason="the extra `remote` is not installed")
            return open_store(f"memory://{uuid.uuid4().hex}/wheels")


@pytest.fixture
def plum(tmp_path: Path) -> Path:
    file = tmp_path / "plum"
    file.write_bytes(b"plum")
    return file


def test_what_was_saved_is_found_by_its_hash_and_fetched(
    store: WheelStore, plum: Path, tmp_path: Path
) -> None:
    assert store.find({WHEEL.hash}, timeout=5) == ()
    store.save({WHEEL: plum, OTHER: plum}, timeout=5)

    assert store.find({WHEEL.hash, "sha256:" + "c" * 64}, timeout=5) == (WHEEL,)
    assert set(store.find({WHEEL.hash, OTHER.hash}, timeout=5)) == {WHEEL, OTHER}
    (tmp_path / "fetched").mkdir()
    store.fetch([WHEEL], tmp_path / "fetched", timeout=5)
    assert [file.name for file in (tmp_path / "fetched").iterdir()] == [WHEEL.filename]
    assert (tmp_path / "fetched" / WHEEL.filename).read_bytes() == b"plum"


def test_saving_the_same_again_changes_nothing(store: WheelStore, plum: Path) -> None:
    store.save({WHEEL: plum}, timeout=5)
    store.save({WHEEL: plum}, timeout=5)

    assert store.find({WHEEL.hash}, timeout=5) == (WHEEL,)


def test_a_wheel_is_stored_under_its_hash(tmp_path: Path, plum: Path) -> None:
    FolderStore(tmp_path / "wheels").save({WHEEL: plum}, timeout=5)

    files = [file for file in (tmp_path / "wheels").rglob("*") if file.is_file()]
    assert files == [tmp_path / "wheels" / "sha256" / ("a" * 64) / WHEEL.filename]


def test_many_may_save_at_once_and_no_reader_sees_a_part(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(os.urandom(1_000_000))
    store = FolderStore(tmp_path / "wheels")
    sizes: set[int] = set()

    def save(_: int) -> None:
        store.save({WHEEL: big}, timeout=5)
        sizes.update((tmp_path / "wheels" / one.place).stat().st_size for one in found())

    def found() -> tuple[StoredWheel, ...]:
        return store.find({WHEEL.hash}, timeout=5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(40)))

    assert sizes == {1_000_000}
    folder = (tmp_path / "wheels" / WHEEL.place).parent
    assert [file.name for file in folder.iterdir()] == [WHEEL.filename]


def test_a_save_that_fails_leaves_nothing_behind(tmp_path: Path, plum: Path) -> None:
    (tmp_path / "wheels" / WHEEL.place).mkdir(parents=True)

    with pytest.raises(WheelStoreError, match="so the wheels were not saved"):
        FolderStore(tmp_path / "wheels").save({WHEEL: plum}, timeout=5)

    assert not [file for file in (tmp_path / "wheels").rglob("*") if file.is_file()]


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path, plum: Path) -> None:
    (tmp_path / "wheels").write_text("a file where the folder should be")

    with pytest.raises(WheelStoreError) as caught:
        FolderStore(tmp_path / "wheels").save({WHEEL: plum}, timeout=5)

    assert caught.value.what == (
        f"The wheelhouse {tmp_path / 'wheels'} cannot be written, so the wheels were not saved"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("memory://bob:hunter2@host/wheels", "memory://host/wheels"),
        ("memory://host/wheels?sig=hunter2", "memory://host/wheels"),
    ],
)
def test_credentials_of_a_url_are_never_shown(url: str, shown: str) -> None:
    pytest.importorskip("fsspec", reason="the extra `remote` is not installed")
    store = RemoteStore(url)

    class Refusing:
        def invalidate_cache(self) -> None:
            pass

        def find(self, _: str) -> list[str]:
            raise PermissionError(f"{url}: no entry, hunter2")

    store._files = Refusing()
    with pytest.raises(WheelStoreError) as caught:
        store.find({WHEEL.hash}, timeout=5)

    assert store.shown == shown
    assert "hunter2" not in str(caught.value)
    assert caught.value.detail.startswith("PermissionError: memory://host/wheels")


def test_a_store_that_hangs_ends_with_the_deadline() -> None:
    pytest.importorskip("fsspec", reason="the extra `remote` is not installed")
    store = RemoteStore("memory://wheels")
    never = threading.Event()

    class Hanging:
        def invalidate_cache(self) -> None:
            pass

        def find(self, _: str) -> list[str]:
            never.wait(30)
            return []

    store._files = Hanging()
    with pytest.raises(WheelStoreError) as caught:
        store.find({WHEEL.hash}, timeout=0.1)
    never.set()

    assert "no answer within" in caught.value.detail


def test_without_the_extra_its_name_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)

    with pytest.raises(EnvironmentBuildError) as caught:
        open_store("s3://bob:hunter2@bucket/wheels")

    assert "pytest-flowrepro[remote]" in caught.value.hint
    assert "s3://bucket/wheels" in caught.value.what
    assert "hunter2" not in str(caught.value)


def test_a_url_that_nothing_can_open_is_reported() -> None:
    pytest.importorskip("fsspec", reason="the extra `remote` is not installed")

    with pytest.raises(EnvironmentBuildError) as caught:
        open_store("carrier-pigeon://bob:hunter2@loft/wheels")

    assert caught.value.what == "The wheelhouse carrier-pigeon://loft/wheels cannot be opened"
    assert "hunter2" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # fsspec's own
def test_any_url_that_fails_is_one_error_without_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = pytest.importorskip("fsspec.registry", reason="the extra `remote` is not installed")

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("hunter2")

    for connect in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, connect, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    errors: list[EnvironmentBuildError] = []
    monkeypatch.chdir(tmp_path)  # some file systems take a path relative to this one
    for scheme in (*registry.known_implementations, "S3", "no-such", "a b", ""):
        for rest in ("bob:hunter2@127.0.0.1:9/wheels", "", "bob:hunter2@[::bad/wheels?sig=hunter2"):
            url = f"{scheme}://{rest}"
            try:
                open_store(url).find({WHEEL.hash}, timeout=5)
            except EnvironmentBuildError as error:
                errors.append(error)
    gc.collect()
    assert len(errors) > 100
    assert all(error.what.startswith("The wheelhouse ") for error in errors)
    assert not [error for error in errors if "hunter2" in f"{error.what} {error.detail}"]
