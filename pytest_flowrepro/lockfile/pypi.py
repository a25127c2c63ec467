"""The text of a lock: a requirements file in which every package has one version and its hashes.

If an environment starts with conda packages, it is a part of their lock
(`pytest_flowrepro.lockfile.conda`).

A lock may come from a pull request: anything but a pinned package with hashes is refused before a
package manager sees it, so that no option in it can name an index or a file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_flowrepro.lockfile.requirement import wheel_version
from pytest_flowrepro.model import LockedPackage, PypiLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The first line of a lock by pip-tools (docs/reference/baseline.md).
_ONE_PLATFORM = re.compile(r"# By pip-tools, for (\w{1,40} \w{1,40}) only\.\n")
_REQUIRED = re.compile(r"(?:\S*::)?([\w.-]+)")
_PACKAGE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:==| @ )")
_VIA = re.compile(r"#\s+(?:via\s+)?(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?$")
_ASKED_FOR = re.compile(r"#\s+(?:via\s+)?-r ")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASH = re.compile(r"\s--hash[=\s](\S+)")
_STRONG_HASH = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


class InvalidLockError(ValueError):
    """Raised for lines that are not pinned packages with hashes.

    `problems` has one sentence for each.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def required_name(line: str) -> str:
    """Return the package name of a PEP 508 line or a conda spec (`channel::six=1.15`)."""
    match = _REQUIRED.match(line)
    return canonicalize_name(match[1]) if match else line


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each logical line with the number of its first line.

    Continuations are joined, comments and blank lines left out.

    The rules are those of pip (`pip._internal.req.req_file`).
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


def parse_pypi(text: str, *, after: int = 0) -> PypiLock:
    """Parse the text of a lock. Raises `InvalidLockError` with every problem.

    `after` is the number of lines before it in its file, for the line numbers of problems.
    """
    packages: list[LockedPackage] = []
    problems: list[str] = []
    for number, line in logical_lines(text):
        package = _locked_package(line)
        if isinstance(package, str):
            problems.append(f"line {number + after}: {package}")
        else:
            packages.append(package)
    if not packages and not problems:
        problems.append("it does not have any packages")
    if problems:
        raise InvalidLockError(tuple(problems))
    one_platform = _ONE_PLATFORM.match(text)
    platform = one_platform[1] if one_platform else None
    return PypiLock(text=text, packages=tuple(packages), platform=platform)


def required_by(lock: PypiLock) -> dict[str, tuple[str, ...]]:
    """Map each package to those that require it, from the comments that uv and pip-compile write.

    Packages that the flow requires itself are left out, as `via` of a manifest is empty for these.
    """
    requiring: dict[str, tuple[str, ...]] = {}
    asked_for = set()
    name = None
    for line in lock.text.splitlines():
        if package := _PACKAGE.match(line):
            name = package["name"]
        elif name and _ASKED_FOR.search(line):
            asked_for.add(name)
        elif name and (via := _VIA.search(line)) and via["name"] != "via":
            requiring[name] = (*requiring.get(name, ()), via["name"])
    return {name: via for name, via in requiring.items() if name not in asked_for}


def diff_against_lock(installed: Mapping[str, str], locked: Mapping[str, str]) -> list[str]:
    """Return one message per missing, unexpected or different package.

    Both arguments map its name to the version or description to compare.
    """
    return [
        *(f"{name} is missing" for name in sorted(locked.keys() - installed.keys())),
        *(f"{name} is not in the lock" for name in sorted(installed.keys() - locked.keys())),
        *(
            f"{name} is {installed[name]}, but {locked[name]} in the lock"
            for name in sorted(locked.keys() & installed.keys())
            if installed[name] != locked[name]
        ),
    ]


def _locked_package(line: str) -> LockedPackage | str:
    """Return the package of one line, or the problem of the line, which never contains a URL."""
    if line.startswith("-"):
        option = re.split(r"[\s=]", line, maxsplit=1)[0]
        return f"the option {option} is not allowed in a lock"
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
        problem = f"has a hash that is not a complete sha256: {weak[0][:80]}"
    if problem:
        return f"{requirement.name} {problem}"
    return LockedPackage(
        name=name,
        version=pins[0],
        marker=requirement.marker,
        hashes=hashes,
        url=requirement.url,
    )
