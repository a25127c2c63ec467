"""The parts that the resolvers share: input files, errors, and the check of a lock."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion

from pytest_flowrepro.installers.index_errors import excerpt, outer_trouble
from pytest_flowrepro.lock.preinstalled import names_given, write_given
from pytest_flowrepro.lockfile.pypi import InvalidLockError, parse_pypi
from pytest_flowrepro.support.docs import docs
from pytest_flowrepro.support.errors import LockError
from pytest_flowrepro.support.process import (
    CommandNotFoundError,
    isolated_environment,
    run_process,
)

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.model import PypiLock, Requirements
    from pytest_flowrepro.support.process import Completed

_YANKED = "all matching versions of {name} are yanked from the index"
_PIN_YANKED = (
    "require another version, or pin a yanked one with `==`, which installs it all the same"
)

# A pattern in the tool's output (the group `name`, if any, is the package), its meaning, and what
# to do. The first match counts.
_FAILURES = (
    (
        r"does not provide upload-time metadata",
        "the package index has no upload times",
        "resolve without `--flow-repro-as-of`, or from an index with upload times (PEP 700)",
    ),
    (
        r"no such option: --uploaded-prior-to",
        "the installed pip cannot resolve as of a day",
        "install pip 26 or newer in pytest's environment, or use `--flow-repro-installer=uv`",
    ),
    (
        r"(?P<name>\S+) has no (?:usable )?wheels",
        (
            "{name} has no wheel for this Python, only an sdist, and builds of an sdist do not "
            "reproduce"
        ),
        (
            "allow a version that has one, choose a Python that has one (`.python-version`), or "
            "build a wheel and put it on an index of your own"
        ),
    ),
    (
        r"all versions of (?P<name>\S+) were yanked",
        _YANKED,
        _PIN_YANKED,
    ),
    (
        (
            r"Ignored the following yanked versions[\s\S]*"
            r"the requirement (?P<name>[^\s<>=!~;\[]+)[^\n]* \(from versions: none\)"
        ),
        _YANKED,
        _PIN_YANKED,
    ),
    (
        r"Because (?P<name>\S+) was not found in the package registry",
        "no index has a package {name}",
        "correct its name, or add the index that has it to uv.toml or pip.conf",
    ),
    (
        r"the requirement (?P<name>[^\s<>=!~;\[]+)[^\n]* \(from versions: none\)",
        "no index has a package {name} with a wheel for this Python and platform{as_of}",
        "correct its name, allow versions that have wheels, or add an index to pip.conf",
    ),
    (
        r"there (?:is|are) no versions? of (?P<name>\S+) and you require",
        "no version {name} exists{as_of}",
        "require a version that exists",
    ),
    (
        r"the requirement (?P<name>\S+)[^\n]* \(from versions: ",
        "no version {name} exists{as_of}",
        "require a version that exists",
    ),
    (
        r"No solution found|ResolutionImpossible|conflicting dependencies",
        "these requirements conflict{as_of}",
        "relax one of the requirements named above; see {page}",
    ),
)

_NO_CANDIDATE = re.compile(
    r"the requirement (?P<requirement>\S[^\n]*?)(?: \(from [^\n]*\))? \(from versions: "
    r"(?P<versions>\d[^\n)]*)\)"
)
"""pip found files of these versions, for this Python and platform, and accepted none of them."""

_GIVEN = (
    "require another version of the packages marked `+conda` from conda, or relax the "
    "requirements for PyPI"
)

_AS_OF = (
    "{hint}; `--flow-repro-as-of` ignores files that the index lists with a later upload time, or "
    "without one"
)


def write_inputs(requirements: Requirements, workspace: Path) -> tuple[str, ...]:
    """Write the input files of a resolver, and return its arguments, relative to the workspace.

    The names are the same for every flow, because they appear in the lock's comments.
    """
    constraints = [line for file in requirements.constraints for line in file.lines]
    constraints += requirements.resolution.constraints if requirements.resolution else ()
    try:
        options, pins = write_given(dict(requirements.given), workspace)
        inputs = {
            "requirements.in": (*options, *requirements.lines),
            "constraints.txt": (*constraints, *pins),
        }
        for name, lines in inputs.items():
            (workspace / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    except OSError as error:
        raise LockError(
            f"The folder {workspace} cannot be written",
            hint="check that the disk is not full and that the folder is writable",
            detail=str(error),
        ) from error
    return ("--constraint", "constraints.txt", "requirements.in")


def cutoff(requirements: Requirements, as_of: date | None) -> str | None:
    """Return the time (RFC 3339, UTC) from which uploads are ignored.

    It is the earlier one of the end of that day and the declared `exclude-newer`; None without
    either. A declared duration (`1 week`) is not a time, and is returned unchanged if no day is
    given.
    """
    settings = dict(requirements.resolution.settings) if requirements.resolution else {}
    declared = json.loads(settings.get("exclude-newer", "null"))
    if as_of is None or declared is None:
        return end_of(as_of) if as_of else declared
    try:
        moment = datetime.fromisoformat(declared)
    except ValueError:
        return end_of(as_of)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), end_of(as_of))


def end_of(day: date) -> str:
    """Return the first moment after a day, in UTC: earlier uploads belong to the day."""
    return (datetime.combine(day, time(), UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def minor_version(python: Path, *, workspace: Path) -> str:
    """Return `3.11`, for example. Raises `LockError` for an interpreter that does not run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    argv = [str(python), "-I", "-S", "-c", code]
    try:
        done = run_process(argv, env=isolated_environment({}), cwd=workspace, timeout=30)
    except CommandNotFoundError as error:
        raise LockError(
            f"The interpreter {python} cannot be started",
            hint="install it again, or use another Python for the flow",
            detail=str(error),
        ) from error
    if not done.ok:
        raise LockError(
            f"The interpreter {python} does not run ({done.ending})",
            hint="install it again, or use another Python for the flow",
            detail=excerpt(done.stderr),
        )
    return done.stdout.strip()


def checked_lock(text: str, *, tool: str) -> PypiLock:
    """Parse the lock of a tool. Raises `LockError` unless each package is pinned and has hashes."""
    text = "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"
    try:
        return parse_pypi(text)
    except InvalidLockError as error:
        raise LockError(
            f"{tool} returned an invalid lock",
            hint="take every package from an index that has a sha256 for each of its files, not "
            "from a URL",
            detail="\n".join(error.problems[:20]),
        ) from error


def lock_error(
    done: Completed,
    requirements: Requirements,
    *,
    tool: str,
    as_of: date | None = None,
    fetch_failures: str = "",
) -> LockError:
    """Return the error for a failure of a resolver."""
    output = f"{done.stdout}\n{done.stderr}"
    source = requirements.source
    detail = "\n".join(filter(None, (excerpt(output), excerpt(fetch_failures))))
    if done.ending.timed_out:
        return LockError(
            f"{tool} did not finish locking {source}: {done.ending}",
            hint="check that the package index can be reached and run again",
            detail=detail,
        )
    if trouble := outer_trouble(f"{done.stderr}\n{fetch_failures}"):
        what, hint = trouble
        return LockError(f"{what}, so {source} could not be locked", hint=hint, detail=detail)
    if not as_of and (name := _yanked_package(output)):
        return LockError(f"{source}: {_YANKED.format(name=name)}", hint=_PIN_YANKED, detail=detail)
    page = docs("reference/requirements-and-locks#settings-of-the-resolution")
    for pattern, what, hint in _FAILURES:
        if match := re.search(pattern, output):
            reason = what.format(**match.groupdict(), as_of=f" as of {as_of}" if as_of else "")
            if requirements.given and names_given(detail):
                hint = _GIVEN  # noqa: PLW2901
            elif as_of and "{as_of}" in what:
                hint = _AS_OF.format(hint=hint)  # noqa: PLW2901
            return LockError(f"{source}: {reason}", hint=hint.format(page=page), detail=detail)
    return LockError(
        f"{tool} could not lock {source} ({done.ending})",
        hint=f"read {tool}'s output above, or select another tool by `--flow-repro-installer`; "
        f"see {page}",
        detail=detail,
    )


def _yanked_package(output: str) -> str | None:
    """Return the package of which pip found matching versions and accepted none.

    A pip before 23.3 does not report that they were yanked, and lists them with the others.
    """
    match = _NO_CANDIDATE.search(output)
    if match is None or "Ignored the following yanked versions" in output:
        return None
    try:
        requirement = Requirement(match["requirement"])
        fits = any(map(requirement.specifier.contains, match["versions"].split(", ")))
    except (InvalidRequirement, InvalidVersion):
        return None
    return requirement.name if fits else None
