"""The wheels of a lock, as files: from a wheelhouse, from the user's cache, from the index.

A wheelhouse keeps wheels that the index may drop. Recording saves every wheel that the lock needs
on this machine, and a check looks there first. The cache saves the next session a download. A wheel
counts only by its hash in the lock, and everything installed is unpacked from such a file.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from packaging import tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from pytest_flowrepro.environment.failures import install_error, refused_metadata
from pytest_flowrepro.environment.manifest import interpreter_of, marker_environment
from pytest_flowrepro.environment.wheelhouse.cache import WheelCache
from pytest_flowrepro.environment.wheelhouse.store import (
    StoredWheel,
    WheelStoreError,
    hash_like,
    open_store,
)
from pytest_flowrepro.installers.index_errors import pip_fetch_failures
from pytest_flowrepro.installers.index_settings import download_tool
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import EnvironmentBuildError
from pytest_flowrepro.support.process import run_process
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from packaging.tags import Tag

    from pytest_flowrepro.environment.request import InstallRequest
    from pytest_flowrepro.environment.wheelhouse.store import WheelStore
    from pytest_flowrepro.model import Index, Interpreter, LockedPackage


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheelhouse:
    location: str
    """A folder's path, or a URL."""
    save: bool = False
    """Recording: missing wheels are fetched from the index and saved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheels:
    """Wheels of a lock as files, each with a hash that the lock has."""

    folder: Path | None
    """The folder of all of them, as `--find-links` takes it; None if there are not any."""
    names: frozenset[str] = frozenset()
    """Canonical names of the packages that have a file."""
    complete: bool = False
    """All packages that the lock needs on this machine have a file, so no index is used."""
    notes: tuple[str, ...] = ()
    """Sentences about the packages that come from the index instead."""


NO_WHEELS = Wheels(folder=None)
"""Everything comes from the index."""

_UNCACHED = "the cache of pytest-flowrepro cannot be written, so packages were downloaded again"


def gather_wheels(
    request: InstallRequest,
    locked: tuple[LockedPackage, ...],
    *,
    environment: Path,
    folder: Path,
) -> Wheels:
    """Gather the wheels that a lock needs for the virtualenv at `environment` in a new `folder`.

    pip verifies the hashes of its own cache, so for pip wheels come from the wheelhouse only. A
    check skips wheels that it cannot get, and leaves them to the installer. A recording with a
    wheelhouse has all of them afterwards, in the folder and in the wheelhouse, or raises
    `EnvironmentBuildError`. So does a wheel in the wheelhouse that does not match its hash.
    """
    wheelhouse, installer = request.wheelhouse, request.installer
    if wheelhouse is None and installer == "pip-tools":
        return NO_WHEELS
    deadline = Deadline.after(request.timeout)
    folder.mkdir()
    markers = marker_environment(environment)
    wanted = _Wanted(
        packages=tuple(package for package in locked if package.is_for(markers)),
        interpreter=interpreter_of(environment),
        folder=folder,
        deadline=deadline,
        installer=installer,
        indexes=request.indexes,
    )
    from_wheelhouse, notes = _from_wheelhouse(wheelhouse, wanted) if wheelhouse else ({}, ())
    save = wheelhouse is not None and wheelhouse.save
    from_elsewhere: dict[str, StoredWheel] = {}
    cache = WheelCache.of_user() if installer == "uv" else None
    absent = wanted.without(from_wheelhouse)
    if absent.packages and (save or installer == "uv"):
        if cache is not None:
            from_elsewhere = _from_cache(cache, absent)
        elif installer == "uv":
            notes = (*notes, _UNCACHED)
        try:
            from_elsewhere |= _from_index(absent.without(from_elsewhere), cache, all_of_them=save)
        except EnvironmentBuildError:
            # uv supports more indexes than pip, and reports their problems best.
            if save or not deadline.left:
                raise
    if wheelhouse is not None and save and from_elsewhere:
        files = {wheel: folder / wheel.filename for wheel in from_elsewhere.values()}
        open_store(wheelhouse.location).save(files, timeout=wanted.left)
    return Wheels(
        folder=folder,
        names=frozenset(from_wheelhouse) | frozenset(from_elsewhere),
        complete=len(from_wheelhouse) + len(from_elsewhere) == len(wanted.packages),
        notes=notes,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    packages: tuple[LockedPackage, ...]
    interpreter: Interpreter
    """`cpython 3.12.1`."""
    folder: Path
    deadline: Deadline
    installer: Literal["uv", "pip-tools"]
    indexes: tuple[Index, ...] = ()

    @property
    def left(self) -> float:
        """Return the seconds left."""
        return self.deadline.left

    @property
    def hashes(self) -> frozenset[str]:
        return frozenset(value for package in self.packages for value in package.hashes)

    def without(self, names: Collection[str]) -> _Wanted:
        left = tuple(package for package in self.packages if package.name not in names)
        return replace(self, packages=left)

    def choose(self, candidates: Iterable[StoredWheel]) -> dict[str, StoredWheel]:
        return _choose(candidates, self.packages, supported_tags(self.interpreter))


def _from_wheelhouse(
    wheelhouse: Wheelhouse, wanted: _Wanted
) -> tuple[dict[str, StoredWheel], tuple[str, ...]]:
    """Map packages to their wheels, in the folder; and return sentences about the missing ones."""
    try:
        store = open_store(wheelhouse.location)
        chosen = wanted.choose(store.find(wanted.hashes, timeout=wanted.left))
        store.fetch(chosen.values(), wanted.folder, timeout=wanted.left)
        for wheel in chosen.values():
            check_hash(wanted.folder / wheel.filename, wheel, store)
    except WheelStoreError as error:
        if wheelhouse.save:
            raise
        for file in wanted.folder.iterdir():
            file.unlink()
        return {}, (f"{error.what}; the package index was used instead",)
    return chosen, () if wheelhouse.save else _notes(wanted.without(chosen).packages)


def _from_cache(cache: WheelCache, wanted: _Wanted) -> dict[str, StoredWheel]:
    """Map packages to their wheels, in the folder."""
    chosen = wanted.choose(cache.find(wanted.hashes))
    taken = cache.take(chosen.values(), wanted.folder)
    return {name: wheel for name, wheel in chosen.items() if wheel in taken}


def _from_index(
    wanted: _Wanted, cache: WheelCache | None, *, all_of_them: bool
) -> dict[str, StoredWheel]:
    """Map packages to their wheels, in the folder. Raises `EnvironmentBuildError`."""
    if not wanted.packages:
        return {}
    downloaded = _download(wanted, all_of_them=all_of_them).packages
    wheels = {package.name: _wheel_of(package, wanted.folder) for package in downloaded}
    if cache is not None:
        cache.keep({wheel: wanted.folder / wheel.filename for wheel in wheels.values()})
    return wheels


def supported_tags(interpreter: Interpreter) -> dict[Tag, int]:
    """Map each tag (PEP 425) to its rank, the best first, for an interpreter of this machine.

    For an implementation other than the one that runs pytest, only wheels without compiled code are
    known to fit.
    """
    implementation, version = interpreter.implementation, interpreter.version
    minor = tuple(map(int, interpreter.minor.split(".")))
    our_implementation = platform.python_implementation().lower()
    fitting: Iterable[Tag]
    if (implementation, version) == (our_implementation, platform.python_version()):
        fitting = tags.sys_tags()
    elif implementation == our_implementation == "cpython":
        name = f"cp{minor[0]}{minor[1]}"
        fitting = (*tags.cpython_tags(minor), *tags.compatible_tags(minor, name))
    else:
        fitting = tags.compatible_tags(minor)
    ranked: dict[Tag, int] = {}
    for rank, tag in enumerate(fitting):
        ranked.setdefault(tag, rank)
    return ranked


def _choose(
    candidates: Iterable[StoredWheel], needed: Iterable[LockedPackage], supported: Mapping[Tag, int]
) -> dict[str, StoredWheel]:
    """Map each package to the wheel that installers would choose as well."""
    package_of = {value: package for package in needed for value in package.hashes}
    best: dict[str, tuple[int, StoredWheel]] = {}
    for wheel in candidates:
        package = package_of[wheel.hash]
        rank = _rank(wheel.filename, package, supported)
        if rank is not None and (package.name not in best or rank < best[package.name][0]):
            best[package.name] = (rank, wheel)
    return {name: wheel for name, (_, wheel) in best.items()}


def _rank(filename: str, package: LockedPackage, supported: Mapping[Tag, int]) -> int | None:
    """Return the rank of a wheel, the lower the better; None for another package or machine."""
    try:
        name, version, _, wheel_tags = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return None
    if name != package.name or version != Version(package.version):
        return None
    return min((supported[tag] for tag in wheel_tags if tag in supported), default=None)


def check_hash(file: Path, wheel: StoredWheel, store: WheelStore) -> None:
    """Raise `EnvironmentBuildError` unless a file from a store has the hash of its path."""
    try:
        got = hash_like(wheel.hash, file)
    except OSError as error:
        raise WheelStoreError(
            f"{wheel.filename} in the wheelhouse {store.shown} cannot be read",
            hint="give this user read access to it",
            detail=str(error),
        ) from error
    if got != wheel.hash:
        raise EnvironmentBuildError(
            f"{wheel.filename} in the wheelhouse {store.shown} is not the file that was locked: "
            f"expected {wheel.hash}, got {got}",
            hint="find out why the file changed or whether it was truncated; then delete "
            f"{wheel.place} there and record again to replace it",
        )


def _download(wanted: _Wanted, *, all_of_them: bool) -> _Wanted:
    """Download wheels; return those whose metadata pip can read.

    With `all_of_them`, raises `EnvironmentBuildError` unless pip can read all. pip downloads for
    both installers, because uv keeps no wheel as a file. It runs under pytest's interpreter,
    because the last pip that runs under Python 3.9 is older.
    """
    folder = wanted.folder
    lines = (" ".join([package.pin, *_hash_options(package)]) for package in wanted.packages)
    requirements = folder / "download.txt"
    requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    tool = download_tool(wanted.installer, indexes=wanted.indexes)
    argv = [
        *tool.argv,
        *("download", "--require-hashes", "--only-binary", ":all:", "--no-deps"),
        *("--python-version", ".".join(map(str, Version(wanted.interpreter.version).release[:3]))),
        *(("--implementation", "pp") if wanted.interpreter.implementation == "pypy" else ()),
        *(("--no-cache-dir",) if wanted.installer == "uv" else ()),
        *("--progress-bar", "off", "--dest", str(folder), "--requirement", str(requirements)),
    ]
    done = run_process(argv, env=tool.env, cwd=folder, timeout=wanted.left)
    if done.ok:
        return wanted
    refused = refused_metadata(done.stderr)
    readable = wanted.without({refused} if refused else set())
    if all_of_them or readable == wanted or not readable.packages:
        failures = pip_fetch_failures(done.stderr, workspace=folder, timeout=wanted.left)
        raise install_error(done, tool="pip", fetch_failures=failures)
    return _download(readable, all_of_them=False)


def _hash_options(package: LockedPackage) -> list[str]:
    return [f"--hash={value}" for value in package.hashes]


def _wheel_of(package: LockedPackage, folder: Path) -> StoredWheel:
    """Return the downloaded file of a package, as a store keeps it."""
    for file in sorted(folder.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(file.name)
        if name == package.name and version == Version(package.version):
            for value in package.hashes:
                if hash_like(value, file) == value:
                    return StoredWheel(hash=value, filename=file.name)
    raise EnvironmentBuildError(
        f"pip did not download a wheel of {package.name}=={package.version} that is in the lock",
        hint="choose another version: the name of its file on the index is wrong",
    )


def _notes(missing: Iterable[LockedPackage]) -> tuple[str, ...]:
    names = [f"{package.name}=={package.version}" for package in missing]
    if not names:
        return ()
    return (
        f"the wheelhouse does not have {truncate_list(names)}; the package index was used instead",
    )
