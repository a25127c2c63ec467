"""The wheels of a lock, from a wheelhouse: what the index may not have tomorrow.

Recording saves every wheel that the lock means for this machine; a check takes them from there
before it asks an index for what is missing. A wheel counts by the hash that the lock has, whoever
wrote it into the wheelhouse.
"""

from __future__ import annotations

import hashlib
import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging import tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from pytest_flowrepro.environment.failures import install_error
from pytest_flowrepro.environment.manifest import interpreter_of, marker_environment
from pytest_flowrepro.environment.wheel_store import (
    StoredWheel,
    WheelStoreError,
    open_store,
)
from pytest_flowrepro.errors import EnvironmentBuildError
from pytest_flowrepro.index_errors import pip_fetch_failures
from pytest_flowrepro.index_settings import download_tool
from pytest_flowrepro.process import run_process
from pytest_flowrepro.wording import some_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from packaging.tags import Tag

    from pytest_flowrepro.environment.wheel_store import WheelStore
    from pytest_flowrepro.lock_file import LockedPackage


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheelhouse:
    location: str
    """A folder's path, or a URL."""
    save: bool = False
    """Recording: what the wheelhouse does not have is fetched from the index and saved there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheels:
    """Wheels of a lock as files, each with a hash that the lock has."""

    folder: Path | None
    """All of them side by side, as `--find-links` takes it; None when there are none."""
    names: frozenset[str] = frozenset()
    """Of the packages that are there, canonical."""
    complete: bool = False
    """Every package that the lock means for this machine is there: no index is asked."""
    notes: tuple[str, ...] = ()
    """Sentences about what is to come from the index instead."""


NO_WHEELS = Wheels(folder=None)
"""Without a wheelhouse: everything comes from the index."""


def gather_wheels(
    wheelhouse: Wheelhouse,
    locked: tuple[LockedPackage, ...],
    *,
    environment: Path,
    folder: Path,
    installer: Literal["uv", "pip-tools"],
    timeout: float,
) -> Wheels:
    """The wheels that a lock means for the virtualenv at `environment`, in a new `folder`.

    A check does without what the wheelhouse does not have. A recording has all of them, here and
    in the wheelhouse, or raises `EnvironmentBuildError`. So does, whoever asks, a wheel that is
    not what its hash says.
    """
    deadline = time.monotonic() + timeout
    folder.mkdir()
    store = open_store(wheelhouse.location)
    interpreter, markers = interpreter_of(environment), marker_environment(environment)
    needed = [one for one in locked if one.is_for(markers)]
    try:
        chosen = _choose(store, needed, supported_tags(interpreter), timeout)
        store.fetch(chosen.values(), folder, timeout=max(deadline - time.monotonic(), 0))
        for wheel in chosen.values():
            refuse_another_file(folder / wheel.filename, wheel, store)
    except WheelStoreError as error:
        if wheelhouse.save:
            raise
        note = f"{error.what.removesuffix('.')}: the package index was asked instead"
        return Wheels(folder=None, notes=(note,))
    missing = [package for package in needed if package.name not in chosen]
    if missing and wheelhouse.save:
        left = max(deadline - time.monotonic(), 0)
        _download(missing, folder, interpreter, installer=installer, timeout=left)
        fetched = [_wheel_of(package, folder) for package in missing]
        files = {wheel: folder / wheel.filename for wheel in fetched}
        store.save(files, timeout=max(deadline - time.monotonic(), 0))
        missing = []
    names = frozenset(one.name for one in needed) - {one.name for one in missing}
    return Wheels(folder=folder, names=names, complete=not missing, notes=_notes(missing))


def supported_tags(interpreter: str) -> dict[Tag, int]:
    """Tag (PEP 425) -> rank, the best first, for an interpreter of this machine: `cpython 3.12.1`.

    Of an implementation that does not run pytest itself, only wheels without compiled code are
    known to fit.
    """
    implementation, _, version = interpreter.partition(" ")
    minor = tuple(map(int, version.split(".")[:2]))
    ours = platform.python_implementation().lower()
    fitting: Iterable[Tag]
    if (implementation, version) == (ours, platform.python_version()):
        fitting = tags.sys_tags()
    elif implementation == ours == "cpython":
        name = f"cp{minor[0]}{minor[1]}"
        fitting = (*tags.cpython_tags(minor), *tags.compatible_tags(minor, name))
    else:
        fitting = tags.compatible_tags(minor)
    ranked: dict[Tag, int] = {}
    for rank, tag in enumerate(fitting):
        ranked.setdefault(tag, rank)
    return ranked


def _choose(
    store: WheelStore, needed: Iterable[LockedPackage], supported: Mapping[Tag, int], timeout: float
) -> dict[str, StoredWheel]:
    """Name of the package -> the wheel that installers, too, would take of those in the store."""
    package_of = {value: package for package in needed for value in package.hashes}
    best: dict[str, tuple[int, StoredWheel]] = {}
    for wheel in store.find(package_of.keys(), timeout=timeout):
        package = package_of[wheel.hash]
        rank = _rank(wheel.filename, package, supported)
        if rank is not None and (package.name not in best or rank < best[package.name][0]):
            best[package.name] = (rank, wheel)
    return {name: wheel for name, (_, wheel) in best.items()}


def _rank(filename: str, package: LockedPackage, supported: Mapping[Tag, int]) -> int | None:
    """The lower the better; None for a file of another package or for another machine."""
    try:
        name, version, _, own = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return None
    if name != package.name or version != Version(package.version):
        return None
    return min((supported[tag] for tag in own if tag in supported), default=None)


def refuse_another_file(file: Path, wheel: StoredWheel, store: WheelStore) -> None:
    """Raises `EnvironmentBuildError` unless what a store gave is what its place says."""
    try:
        got = _hash(file, wheel.hash)
    except OSError as error:
        raise WheelStoreError(
            f"{wheel.filename} in the wheelhouse {store.shown} cannot be read.",
            hint="let this user read it.",
            detail=str(error),
        ) from error
    if got != wheel.hash:
        raise EnvironmentBuildError(
            f"{wheel.filename} in the wheelhouse {store.shown} is not the file that was locked: "
            f"expected {wheel.hash}, got {got}.",
            hint="find out who changed it, or whether it was cut off, before you trust it; then "
            f"delete {wheel.place} there, and record again to save it anew.",
        )


def _hash(file: Path, like: str) -> str:
    """The file's hash by the algorithm of another one: `sha256:...`."""
    algorithm = like.partition(":")[0]
    with file.open("rb") as content:
        return f"{algorithm}:{hashlib.file_digest(content, algorithm).hexdigest()}"


def _download(
    packages: Iterable[LockedPackage],
    folder: Path,
    interpreter: str,
    *,
    installer: Literal["uv", "pip-tools"],
    timeout: float,
) -> None:
    """By pip, whichever the installer: uv keeps no wheel as a file. And by pip under our own
    interpreter: the last pip that runs under Python 3.9 is not the one that we have.
    """
    deadline = time.monotonic() + timeout
    lines = (" ".join([one.pin, *_hash_options(one)]) for one in packages)
    wanted = folder / "download.txt"
    wanted.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    implementation, _, version = interpreter.partition(" ")
    tool = download_tool(installer)
    argv = [
        *tool.argv,
        *("download", "--require-hashes", "--only-binary", ":all:", "--no-deps"),
        *("--python-version", ".".join(map(str, Version(version).release[:3]))),
        *(("--implementation", "pp") if implementation == "pypy" else ()),
        *("--progress-bar", "off", "--dest", str(folder), "--requirement", str(wanted)),
    ]
    done = run_process(argv, env=tool.env, cwd=folder, timeout=timeout)
    if not done.ok:
        left = max(deadline - time.monotonic(), 0)
        failures = pip_fetch_failures(done.stderr, workspace=folder, timeout=left)
        raise install_error(done, tool="pip", fetch_failures=failures)


def _hash_options(package: LockedPackage) -> list[str]:
    return [f"--hash={value}" for value in package.hashes]


def _wheel_of(package: LockedPackage, folder: Path) -> StoredWheel:
    """The file that was fetched for a package, as a store is to keep it."""
    for file in sorted(folder.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(file.name)
        if name == package.name and version == Version(package.version):
            for value in package.hashes:
                if _hash(file, value) == value:
                    return StoredWheel(hash=value, filename=file.name)
    raise EnvironmentBuildError(
        f"pip fetched no wheel of {package.name}=={package.version} that the lock names.",
        hint="the index names its file wrongly: choose another version.",
    )


def _notes(missing: Iterable[LockedPackage]) -> tuple[str, ...]:
    names = [f"{package.name}=={package.version}" for package in missing]
    if not names:
        return ()
    return (f"the wheelhouse does not have {some_of(names)}: the package index was asked",)
