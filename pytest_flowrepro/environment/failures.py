"""Errors for the failures of an installer, with a cause and a hint."""

from __future__ import annotations

import platform
import re
import sys
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_flowrepro.installers.index_errors import excerpt, outer_trouble
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_flowrepro.model import PypiLock
    from pytest_flowrepro.support.process import Completed

RECORD_ANEW = "record again with `--flow-repro-update --flow-repro-env=fresh`"
_LOCK_ANEW = f"{RECORD_ANEW} to lock what the index has now"

# A pattern in the installer's output, its meaning, and what to do. The first match counts.
_CHANGED = "{name} on the index is not the file that was locked: expected {expected}, got {got}"
_GONE = "{name} is locked, but is no longer on the index"
_REFUSED_METADATA = (
    r"Requested (?P<name>\S+) from [\s\S]*has invalid metadata"
    r"|Error decoding metadata for \S*/(?P<other>[^\s/]+\.whl)"
)
_FAILURES = (
    (
        _REFUSED_METADATA,
        "pip cannot read the metadata of {name}",
        "use uv, which can (`--flow-repro-installer=uv`), or choose another version",
    ),
    (
        (
            r"Hash mismatch for `(?P<name>[^`]+)`\s+Expected:\s+(?P<expected>[\s\S]+?)"
            r"\s+Computed:\s+(?P<got>\w+:\w+)"
        ),
        _CHANGED,
        "find out why the file changed before you trust it, then {lock_anew}",
    ),
    (
        r"\n\s+(?P<name>\S+) from .+:\n\s+Expected (?P<expected>[\s\S]+?)\n\s+Got\s+(?P<got>\w+)",
        _CHANGED,
        "find out why the file changed before you trust it, then {lock_anew}",
    ),
    (
        (
            r"Failed to download `(?P<name>[^`]+)`[\s\S]*\b404\b"
            r"|Could not install requirement (?P<other>\S+)[\s\S]*\b404\b"
        ),
        _GONE,
        "{lock_anew}, or add the index that still has it to uv.toml or pip.conf",
    ),
    (
        r"(?P<name>\S+) has no wheels with a matching",
        "{name} has no wheel for this machine",
        "check on a platform that has one, or add a marker to it (`; sys_platform == ...`)",
    ),
    (
        r"(?P<name>\S+) has no usable wheels",
        (
            "{name} has no wheel for this machine, only an sdist, and builds of an sdist do not "
            "reproduce"
        ),
        "use a version that has wheels, and {lock_anew}",
    ),
    (
        r"there is no version of (?P<name>\S+)|Because (?P<other>\S+) was not found in the package",
        _GONE,
        "{lock_anew}, or add the index that still has it to uv.toml or pip.conf",
    ),
    (
        r"the requirement (?P<name>[^\s;]+)[^\n]* \(from versions: ",
        "{name} is locked, but the index no longer has a wheel of it for this machine",
        "{lock_anew}, or add the index that still has it to pip.conf",
    ),
    (
        r"This version of pip does not support python (?P<name>[\d.]+)",
        "The installed pip no longer supports Python {name}, so pip-tools cannot install for it",
        "use uv, which does (`--flow-repro-installer=uv`)",
    ),
)

_OTHER_PLATFORM = (
    "pip-tools made the lock for {made_for} only, and this machine is {here}: check there, or "
    "record again with uv, which locks for every platform"
)


def check_against_lock(problems: Sequence[str], *, environment: str, culprit: str) -> None:
    """Raise `EnvironmentBuildError` if there are problems.

    `culprit` names their possible source: `a wheel on the index`.
    """
    if problems:
        raise EnvironmentBuildError(
            f"The environment {environment} does not match its lock",
            hint=f"{RECORD_ANEW}: the lock was edited, or the name or version in {culprit} is not "
            "that of its file name",
            detail="\n".join(problems[:20]),
        )


def with_notes(error: EnvironmentBuildError, notes: tuple[str, ...]) -> EnvironmentBuildError:
    """Return the error with notes about the build at the start of its detail."""
    detail = "\n".join(filter(None, (*notes, error.detail)))
    return EnvironmentBuildError(error.what, hint=error.hint, detail=detail)


def platform_notes(lock: PypiLock) -> tuple[str, ...]:
    """Return a sentence about a lock that was made for another platform than this machine's."""
    made_for, this_machine = lock.platform, f"{sys.platform} {platform.machine()}"
    is_other = made_for and made_for != this_machine
    return (_OTHER_PLATFORM.format(made_for=made_for, here=this_machine),) if is_other else ()


def refused_metadata(output: str) -> str | None:
    """Return the canonical name of the package whose metadata pip could not read, if any."""
    match = re.search(_REFUSED_METADATA, output)
    if match is None:
        return None
    name = match["name"].partition("==")[0] if match["name"] else match["other"].partition("-")[0]
    return canonicalize_name(name)


def install_error(done: Completed, *, tool: str, fetch_failures: str = "") -> EnvironmentBuildError:
    output = f"{done.stdout}\n{done.stderr}"
    detail = "\n".join(filter(None, (excerpt(output), excerpt(fetch_failures))))
    if done.ending.timed_out:
        return EnvironmentBuildError(
            f"{tool} did not finish building the environment: {done.ending}",
            hint="check that the package index can be reached and run again",
            detail=detail,
        )
    if trouble := outer_trouble(f"{done.stderr}\n{fetch_failures}"):
        what, hint = trouble
        return EnvironmentBuildError(what, hint=hint, detail=detail)
    for pattern, what, hint in _FAILURES:
        if match := re.search(pattern, output):
            fields = {
                key: " ".join(value.split()) for key, value in match.groupdict().items() if value
            }
            fields.setdefault("name", fields.get("other", ""))
            return EnvironmentBuildError(
                what.format(**fields), hint=hint.format(lock_anew=_LOCK_ANEW), detail=detail
            )
    return EnvironmentBuildError(
        f"{tool} could not build the environment ({done.ending})",
        hint=f"read {tool}'s output above and run again",
        detail=detail,
    )
