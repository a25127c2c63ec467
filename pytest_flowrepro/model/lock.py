"""Values of locks. Their texts are read and written by `pytest_flowrepro.lockfile` alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.markers import Marker


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPackage:
    """One package from PyPI in a lock: a version, and the hashes of its files."""

    name: str
    """Canonical (PEP 503)."""
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]
    """`sha256:...`, one for each file of this version."""
    url: str | None = None
    """The URL of its only wheel, if that does not come from an index."""

    @property
    def pin(self) -> str:
        """Return its requirement without marker and hashes."""
        return f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"

    @property
    def line(self) -> str:
        """Return its pin with marker and hashes, on one line."""
        marker = f" ; {self.marker}" if self.marker else ""
        hashes = (f" --hash={value}" for value in sorted(self.hashes))
        return f"{self.pin}{marker}{''.join(hashes)}"

    def is_for(self, markers: Mapping[str, str]) -> bool:
        """Return whether the package is installed where PEP 508 markers have these values."""
        return self.marker is None or self.marker.evaluate(dict(markers))


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedArchive:
    """One conda package in a lock, given by a URL and a hash."""

    name: str
    version: str
    build: str
    """conda-forge's text for the build: `py311h64a7726_0`."""
    subdir: str
    """The platform's folder in the channel: `linux-64`, or `noarch`."""
    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class PypiLock:
    """A requirements file with one version and every hash for each package, without index URLs."""

    text: str
    packages: tuple[LockedPackage, ...] = field(compare=False, repr=False)
    """Sorted as in the text."""
    platform: str | None = field(default=None, compare=False)
    """`linux x86_64`, if the lock was made for that platform only."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """Notes of a new lock for the report; a baseline does not keep them."""

    @property
    def digest(self) -> str:
        """Return the sha256 of the text, in hexadecimal digits."""
        return digest_of(self.text)

    @property
    def contents(self) -> str:
        """Return a digest of the packages to install, without comments and whatever their order."""
        return digest_of("\n".join(sorted(package.line for package in self.packages)))

    @property
    def pins(self) -> tuple[str, ...]:
        """Return each package with its version and marker, without hashes, in the text's order."""
        lines = (line.removesuffix("\\").rstrip() for line in self.text.splitlines())
        return tuple(line for line in lines if line and not line.startswith((" ", "#")))

    @property
    def urls(self) -> dict[str, str | None]:
        """Map each package to its URL; to None for those of an index."""
        return {package.name: package.url for package in self.packages}


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaLock:
    """An explicit list of conda archives for one platform, and packages added from PyPI."""

    text: str
    """Both parts."""
    platform: str = field(compare=False)
    """conda's name for it: `linux-64`, `osx-arm64`."""
    archives: tuple[LockedArchive, ...] = field(compare=False, repr=False)
    """Sorted by name."""
    pypi: PypiLock | None = field(default=None, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    """Notes, as in a `PypiLock`."""

    @property
    def digest(self) -> str:
        """Return the sha256 of the text, in hexadecimal digits."""
        return digest_of(self.text)

    @property
    def contents(self) -> str:
        """Return a digest of the packages to install, as that of a `PypiLock`."""
        archives = sorted(f"{archive.url}#{archive.sha256}" for archive in self.archives)
        return digest_of("\n".join((*archives, self.pypi.contents if self.pypi else "")))


Lock: TypeAlias = PypiLock | CondaLock


def digest_of(text: str) -> str:
    """Return the digest of the text of a lock, as a baseline stores it."""
    return hashlib.sha256(text.encode()).hexdigest()


def lock_file(digest: str) -> str:
    """Return the name of the file that holds a lock with this digest."""
    return f"lock-{digest[:16]}.txt"


def pypi_part(lock: Lock) -> PypiLock | None:
    """Return the part of a lock that comes from PyPI."""
    return lock.pypi if isinstance(lock, CondaLock) else lock
