"""Stores of wheels by hash: in a folder, or behind a URL that fsspec can open.

    sha256/<hash, in hex>/<name of the wheel>

A wheel has one path for all locks, flows and Pythons, and the file never changes. A store is not
trusted: its readers compare each wheel with its hash.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pytest_flowrepro.support.errors import EnvironmentBuildError
from pytest_flowrepro.support.redaction import SecretUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_SUFFIXES = (".whl", ".conda", ".tar.bz2")
"""The suffixes of wheels and conda archives; other files are being written."""

_CONNECTING = 60.0
"""Seconds to open a URL."""


class WheelStoreError(EnvironmentBuildError):
    """Error for a store that cannot be read or written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredWheel:
    hash: str
    """`sha256:...`, as its path claims."""
    filename: str

    @property
    def place(self) -> str:
        """Return its path relative to the store, with `/`."""
        algorithm, _, digest = self.hash.partition(":")
        return f"{algorithm}/{digest}/{self.filename}"


class WheelStore(Protocol):
    @property
    def shown(self) -> str:
        """Its name in messages, without credentials."""
        ...

    def find(self, hashes: Collection[str], *, timeout: float) -> tuple[StoredWheel, ...]:
        """Return the stored wheels with these hashes. Raises `WheelStoreError`."""
        ...

    def fetch(self, wheels: Collection[StoredWheel], folder: Path, *, timeout: float) -> None:
        """Put wheels into `folder` under their file names. Raises `WheelStoreError`."""
        ...

    def save(self, wheels: Mapping[StoredWheel, Path], *, timeout: float) -> None:
        """Store these files, each completely or not at all; others may save the same at the same
        time.

        Raises `WheelStoreError`.
        """
        ...


def open_store(location: str) -> WheelStore:
    """Return the store at a folder's path or at a URL.

    Raises `EnvironmentBuildError` for a URL that no installed library can open, `WheelStoreError`
    for a store that cannot be reached.
    """
    if "://" not in location:
        return FolderStore(Path(location))
    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise _unopened(SecretUrl(location).shown, str(error)) from error
    if parts.scheme == "file":
        return FolderStore(Path(url2pathname(parts.path)))
    return RemoteStore(location)


class FolderStore:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.shown = str(root)

    def find(self, hashes: Collection[str], *, timeout: float) -> tuple[StoredWheel, ...]:  # noqa: ARG002  see WheelStore
        wheels = []
        try:
            for value in sorted(hashes):
                folder = self._root / StoredWheel(hash=value, filename="").place
                names = sorted(
                    file.name for file in folder.glob("*") if file.name.endswith(_SUFFIXES)
                )
                wheels += [StoredWheel(hash=value, filename=name) for name in names]
        except OSError as error:
            raise _unreadable(self.shown, str(error)) from error
        return tuple(wheels)

    def fetch(self, wheels: Collection[StoredWheel], folder: Path, *, timeout: float) -> None:  # noqa: ARG002
        for wheel in wheels:
            (folder / wheel.filename).symlink_to(self._root.absolute() / wheel.place)

    def save(self, wheels: Mapping[StoredWheel, Path], *, timeout: float) -> None:  # noqa: ARG002
        try:
            for wheel, file in wheels.items():
                _copy_whole(file, self._root / wheel.place)
        except OSError as error:
            raise _unwritable(self.shown, str(error)) from error


def hash_like(value: str, file: Path) -> str:
    """Return a file's hash by the algorithm of `value`: `sha256:...`. Raises `OSError`."""
    algorithm = value.partition(":")[0]
    with file.open("rb") as content:
        return f"{algorithm}:{hashlib.file_digest(content, algorithm).hexdigest()}"


def _copy_whole(file: Path, destination: Path) -> None:
    """Copy a file under a temporary name and rename it, so that no reader sees a part of it."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = destination.parent / f"{uuid.uuid4().hex}.part"
    try:
        with file.open("rb") as source, aside.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        aside.replace(destination)
    finally:
        aside.unlink(missing_ok=True)


class RemoteStore:
    """An object store whose writes are atomic, as those of S3 and GCS are."""

    def __init__(self, url: str) -> None:
        self._url = SecretUrl(url)
        self.shown = self._url.shown
        self._files, self._root = self._open()

    def _open(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415  an extra

            # A cached instance of fsspec would have old credentials. Some file systems
            # connect on creation.
            files, root = _within(
                _CONNECTING, lambda: url_to_fs(self._url.url, skip_instance_cache=True)
            )
        except ImportError as error:
            raise EnvironmentBuildError(
                f"The wheelhouse {self.shown} cannot be opened: a library for it is not installed",
                hint="run `python -m pip install 'pytest-flowrepro[remote]'`, which installs "
                "fsspec and s3fs; for stores other than S3, also install the library that fsspec "
                "needs (gcsfs, adlfs)",
                detail=self._url.redact(str(error)),
            ) from error
        except OSError as error:
            raise _unreadable(self.shown, self._url.redact(_words(error))) from error
        except Exception as error:
            # Each file system has its own exceptions, also for missing arguments.
            raise _unopened(self.shown, self._url.redact(str(error))) from error
        return files, str(root).rstrip("/")

    def find(self, hashes: Collection[str], *, timeout: float) -> tuple[StoredWheel, ...]:
        # One listing of the whole store: S3 returns a thousand names per request, and a lock for
        # every platform easily has two hundred hashes.
        self._files.invalidate_cache()
        try:
            names = _within(timeout, lambda: self._files.find(self._root))
        except FileNotFoundError:
            return ()
        except Exception as error:
            # Each file system has its own exceptions.
            raise _unreadable(self.shown, self._url.redact(_words(error))) from error
        wheels = []
        for name in names:
            *_, algorithm, digest, filename = ("", "", *PurePosixPath(name).parts)
            wheel = StoredWheel(hash=f"{algorithm}:{digest}", filename=filename)
            if wheel.hash in hashes and filename.endswith(_SUFFIXES):
                wheels.append(wheel)
        return tuple(sorted(wheels, key=lambda wheel: wheel.place))

    def fetch(self, wheels: Collection[StoredWheel], folder: Path, *, timeout: float) -> None:
        remote = [f"{self._root}/{wheel.place}" for wheel in wheels]
        local = [str(folder / wheel.filename) for wheel in wheels]
        try:
            _within(timeout, lambda: self._files.get(remote, local))
        except Exception as error:
            raise _unreadable(self.shown, self._url.redact(_words(error))) from error

    def save(self, wheels: Mapping[StoredWheel, Path], *, timeout: float) -> None:
        remote = [f"{self._root}/{wheel.place}" for wheel in wheels]
        local = [str(file) for file in wheels.values()]
        try:
            _within(timeout, lambda: self._files.put(local, remote))
        except Exception as error:
            raise _unwritable(self.shown, self._url.redact(_words(error))) from error


def _within(timeout: float, call: Callable[[], Any]) -> Any:
    """Return or raise the result of the call; raise `TimeoutError` if it takes too long.

    fsspec has no deadline. A thread that hangs is abandoned; it does not keep pytest from exiting.
    """
    outcome: list[Any] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            outcome.append(call())
        except Exception as error:  # noqa: BLE001  raised again, in the thread that waits
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    if failure:
        raise failure[0]
    if not outcome:
        raise TimeoutError(f"no answer within {timeout:.0f} s")
    return outcome[0]


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _unopened(shown: str, reason: str) -> EnvironmentBuildError:
    return EnvironmentBuildError(
        f"The wheelhouse {shown} cannot be opened",
        hint="set `wheelhouse` in pyproject.toml to a folder, or to a URL that fsspec supports, "
        "such as s3://bucket/folder",
        detail=reason,
    )


def _unreadable(shown: str, reason: str) -> WheelStoreError:
    return WheelStoreError(
        f"The wheelhouse {shown} cannot be read",
        hint="check that it can be reached from this machine, and its credentials",
        detail=reason,
    )


def _unwritable(shown: str, reason: str) -> WheelStoreError:
    return WheelStoreError(
        f"The wheelhouse {shown} cannot be written, so the wheels were not saved",
        hint="give this user write access, or remove `wheelhouse` from pyproject.toml, and record "
        "again; the baseline was not changed",
        detail=reason,
    )
