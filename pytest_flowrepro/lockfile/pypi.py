"""The text of a lock: a requirements file in which every package has one version and its hashes.

Where an environment begins with conda packages, an explicit list of their archives comes before it
(conda/explicit.py), or is all of it.

A lock that is read may come from a pull request: whatever is not a pinned and hashed package is
refused before a package manager sees it, so that no option in it can name an index or a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_flowrepro.lockfile.requirement import wheel_version
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packaging.markers import Marker

# The first line of a lock by pip-tools (docs/reference/baseline.md).
_ONE_PLATFORM = re.compile(r"# By pip-tools, for (\w{1,40} \w{1,40}) only\.\n")
_THEN_FROM_PYPI = "# Then, from PyPI:\n"
_REQUIRED = re.compile(r"(?:\S*::)?([\w.-]+)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASH = re.compile(r"\s--hash[=\s](\S+)")
_STRONG_HASH = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPackage:
    name: str
    """Canonical (PEP 503)."""
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]
    """`sha256:...`, one for each file of this version."""
    url: str | None = None
    """Of its one wheel, where that does not come from an index."""

    @property
    def pin(self) -> str:
        """As a requirement, without marker and hashes."""
        return f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"

    def is_for(self, markers: Mapping[str, str]) -> bool:
        """Whether it is to be installed where PEP 508 markers have these values."""
        return self.marker is None or self.marker.evaluate(dict(markers))


class InvalidLockError(ValueError):
    """`problems` has one sentence for each line that is not a pinned and hashed package."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def is_explicit(text: str) -> bool:
    """Whether a lock is conda's: an explicit list of archives, with or without what PyPI adds."""
    return "@EXPLICIT" in text.splitlines()[:20]


def in_parts(text: str) -> tuple[str, str]:
    """Of a lock, what conda installs and what PyPI adds to it; either may be empty."""
    if not is_explicit(text):
        return "", text
    conda, _, pypi = text.partition(f"\n{_THEN_FROM_PYPI}")
    return (f"{conda}\n" if pypi else conda), pypi


def of_parts(conda: str, pypi: str) -> str:
    """The lock of which these are the parts."""
    return f"{conda}{_THEN_FROM_PYPI}{pypi}" if conda and pypi else conda or pypi


def only_platform(text: str) -> str | None:
    """`linux x86_64`, where a lock says that it was made for that platform alone."""
    found = _ONE_PLATFORM.match(text)
    return found[1] if found else None


def required_name(line: str) -> str:
    """The package that a PEP 508 line, or a spec of conda's (`channel::six=1.15`), is about."""
    match = _REQUIRED.match(line)
    return canonicalize_name(match[1]) if match else line


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Number of the first line and content: continuations joined, comments and blanks left out.

    As pip reads a requirements file (`pip._internal.req.req_file`).
    """
    parts: list[str] = []
    start = 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        start = start if parts else number
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if comment else line)
        content = _COMMENT.sub("", "".join(parts)).strip()
        parts = []
        if content:
            yield start, content


def parse_lock(text: str) -> tuple[LockedPackage, ...]:
    """The packages of a lock, in its order. Raises `InvalidLockError` with every problem."""
    packages: list[LockedPackage] = []
    problems: list[str] = []
    for number, line in logical_lines(text):
        found = _locked_package(line)
        if isinstance(found, str):
            problems.append(f"line {number}: {found}")
        else:
            packages.append(found)
    if not packages and not problems:
        problems.append("it names no package")
    if problems:
        raise InvalidLockError(tuple(problems))
    return tuple(packages)


def locked_urls(text: str) -> dict[str, str | None]:
    """Name -> URL of each package of a valid lock; None for those of an index."""
    return {package.name: package.url for package in parse_lock(text)}


def unlike_lock(there: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """A sentence for each package that is missing, extra, or another than wanted; both map its name
    to what is to be told of it.
    """
    return [
        *(f"{name} is missing" for name in sorted(wanted.keys() - there.keys())),
        *(f"{name} is not in the lock" for name in sorted(there.keys() - wanted.keys())),
        *(
            f"{name} is {there[name]}, the lock says {wanted[name]}"
            for name in sorted(wanted.keys() & there.keys())
            if there[name] != wanted[name]
        ),
    ]


def refuse_unlike_lock(problems: Sequence[str], *, environment: str, culprit: str) -> None:
    """Raises `EnvironmentBuildError` unless there are no problems. `culprit` may have made them:
    `a wheel on the index`.
    """
    if problems:
        raise EnvironmentBuildError(
            f"The environment {environment} is not what its lock says.",
            hint=f"{culprit} names itself wrongly, or the lock was edited: record again with "
            "`--flow-repro-update`.",
            detail="\n".join(problems[:20]),
        )


def _locked_package(line: str) -> LockedPackage | str:
    """The package of one line, or what is wrong with the line; never with a URL in it."""
    if line.startswith("-"):
        option = re.split(r"[\s=]", line, maxsplit=1)[0]
        return f"the option {option} has no place in a lock"
    hashes = tuple(_HASH.findall(line))
    try:
        requirement = Requirement(_HASH.sub("", line).strip())
    except InvalidRequirement:
        return f"`{line.split(maxsplit=1)[0][:40]}` is not a package with a version"
    name = canonicalize_name(requirement.name)
    pins = [spec.version for spec in requirement.specifier if spec.operator == "=="]
    if requirement.url and (version := wheel_version(requirement.url, name)):
        pins = [version]
    problem = None
    if requirement.url and not pins:
        problem = "comes from a URL that is not that of its wheel"
    elif len(pins) != 1 or pins[0].endswith(".*") or len(requirement.specifier) > 1:
        problem = "is not pinned to one version with `==`"
    elif not hashes:
        problem = "has no hash"
    elif weak := [value for value in hashes if not _STRONG_HASH.fullmatch(value)]:
        problem = f"has a hash that is not a whole sha256: {weak[0][:80]}"
    if problem:
        return f"{requirement.name} {problem}"
    return LockedPackage(
        name=name,
        version=pins[0],
        marker=requirement.marker,
        hashes=hashes,
        url=requirement.url,
    )
