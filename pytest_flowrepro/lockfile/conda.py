"""The text of a conda lock: an explicit list, one archive and its sha256 per line.

    # platform: linux-64
    @EXPLICIT
    https://conda.anaconda.org/conda-forge/noarch/six-1.16.0-pyh6c4a22f_0.tar.bz2#a85c38227b446f42...

The format is conda's (conda, conda/misc.py `explicit`), so that conda and micromamba can install
the file (`conda create --file`). It is for one platform. It has no credentials: those of the
channels are added when its archives are fetched.

Packages from PyPI follow as a lock of PyPI (`pytest_flowrepro.lockfile.pypi`), below the line `#
Then, from PyPI:`.
"""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_flowrepro.lockfile.pypi import InvalidLockError, parse_pypi
from pytest_flowrepro.model import CondaLock, LockedArchive
from pytest_flowrepro.support.redaction import without_conda_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.model import PypiLock

_PLATFORM = re.compile(r"# platform: (?P<platform>[a-z0-9]+-[a-z0-9]+)")
_ARCHIVE = re.compile(
    r"(?P<url>(?:https?|file)://[^\s#?]+/(?P<subdir>[a-z0-9-]+)"
    r"/(?P<name>[\w.-]+)-(?P<version>[^/\s-]+)-(?P<build>[^/\s-]+)(?:\.conda|\.tar\.bz2))"
    r"#(?P<sha256>[0-9a-f]{64})"
)
_THEN_FROM_PYPI = "# Then, from PyPI:\n"


def format_explicit(platform: str, archives: Iterable[tuple[str, str]]) -> str:
    """Return the text of a lock.

    An archive is its URL, which may have credentials, and its sha256.
    """
    lines = {f"{without_conda_credentials(url)}#{sha256}" for url, sha256 in archives}
    by_name = sorted(lines, key=lambda line: (line.rpartition("/")[2], line))
    return "\n".join([f"# platform: {platform}", "@EXPLICIT", *by_name]) + "\n"


def this_platform() -> str:
    """Return conda's name for the platform of this machine: `linux-64`, `osx-arm64`."""
    system = {"darwin": "osx"}.get(sys.platform, sys.platform)
    machine = platform.machine()
    return f"{system}-{'64' if machine == 'x86_64' else machine}"


def is_conda(text: str) -> bool:
    """Return whether the text of a lock is conda's, with or without packages from PyPI."""
    return "@EXPLICIT" in text.splitlines()[:20]


def parse_conda(text: str) -> CondaLock:
    """Parse the text of a lock. Raises `InvalidLockError` with every problem.

    The text may come from a pull request, so anything but an archive with a hash is refused.
    """
    explicit, separator, added = text.partition(f"\n{_THEN_FROM_PYPI}")
    platform, archives, problems = _archives_of(explicit)
    pypi = None
    try:
        pypi = parse_pypi(added, after=len(explicit.splitlines()) + 1) if separator else None
    except InvalidLockError as error:
        problems += error.problems
    if problems or platform is None:
        raise InvalidLockError(tuple(problems))
    ordered = tuple(archives[name] for name in sorted(archives))
    return CondaLock(text=text, platform=platform, archives=ordered, pypi=pypi)


def _archives_of(text: str) -> tuple[str | None, dict[str, LockedArchive], list[str]]:
    """Return platform, archives by name, and problems of an explicit list."""
    platform = None
    archives: dict[str, LockedArchive] = {}
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if header := _PLATFORM.fullmatch(line):
            platform = header["platform"]
        elif without_conda_credentials(line) != line:
            problems.append(f"line {number}: credentials are not allowed in a lock")
        elif match := _ARCHIVE.fullmatch(line):
            archive = LockedArchive(**match.groupdict())
            if archives.setdefault(archive.name, archive) is not archive:
                problems.append(f"line {number}: {archive.name} is a duplicate")
        elif line.strip() and not line.startswith("#") and line != "@EXPLICIT":
            problems.append(f"line {number}: not an archive of a channel with its sha256")
    if platform is None:
        problems.append("the platform is missing (`# platform: linux-64`)")
    if not archives and not problems:
        problems.append("it does not have any packages")
    return platform, archives, problems


def with_pypi(conda: CondaLock, added: PypiLock | None) -> CondaLock:
    """Return the lock of conda's archives and of packages added from PyPI."""
    if added is None:
        return conda
    text = f"{conda.text}{_THEN_FROM_PYPI}{added.text}"
    return replace(conda, text=text, pypi=added, notes=(*conda.notes, *added.notes))


def with_credentials(url: str, channels: Iterable[str]) -> str:
    """Return the URL of an archive with the credentials of its channel.

    Other hosts never receive a channel's credentials.
    """
    for channel in channels:
        bare = without_conda_credentials(channel)
        if bare != channel and url.startswith(bare.rstrip("/") + "/"):
            return channel.rstrip("/") + url.removeprefix(bare.rstrip("/"))
    return url


def host_of(url: str) -> str:
    return urlsplit(url).hostname or url
