"""Lock conda packages with rattler."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_flowrepro.installers.rattler import Failure, ask_rattler, has_rattler
from pytest_flowrepro.lockfile.conda import format_explicit, parse_conda
from pytest_flowrepro.lockfile.pypi import InvalidLockError
from pytest_flowrepro.support.errors import LockError
from pytest_flowrepro.support.redaction import without_conda_credentials

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
    from pytest_flowrepro.model import CondaLock

_NO_CANDIDATES = re.compile(r"No candidates were found for (.+?)\.?\s*$", re.MULTILINE)


def solve_conda(
    requirements: CondaRequirements,
    *,
    workspace: Path,
    timeout: float,
    as_of: date | None = None,
    platform: str | None = None,
) -> CondaLock:
    """Return a lock with one archive and its hash for each package that is needed.

    It is for this machine's platform unless another is given. The virtual packages (`__glibc`,
    `__cuda`) are always those of this machine, or of CONDA_OVERRIDE_GLIBC and similar variables. A
    package comes from the first channel with a matching version. `workspace` is an existing folder,
    `timeout` the seconds for all of it; with `as_of`, archives built after that day (UTC) are
    ignored. Raises `LockError`.
    """
    if not has_rattler():
        raise LockError(
            f"{requirements.source} takes packages from conda, but py-rattler is not installed",
            hint="run `pip install 'pytest-flowrepro[conda]'`, or take the packages of these names "
            'from PyPI: set `conda = "pypi"` in the flow\'s table of pyproject.toml',
        )
    answer = ask_rattler(
        {
            "command": "solve",
            "specs": list(map(str, requirements.specs)),
            "channels": list(requirements.channels),
            "as_of": as_of.isoformat() if as_of else None,
            "platform": platform,
        },
        workspace=workspace,
        timeout=timeout,
    )
    if isinstance(answer, Failure):
        raise _lock_error(answer, requirements)
    text = format_explicit(answer["platform"], answer["archives"])
    try:
        return parse_conda(text)
    except InvalidLockError as error:
        raise LockError(
            f"rattler returned an invalid lock for {requirements.source}",
            hint="use a channel whose archives have the file names that conda-build gives them",
            detail="\n".join(error.problems[:20]),
        ) from error


def _lock_error(failure: Failure, requirements: CondaRequirements) -> LockError:
    """Return the error for a failure of rattler."""
    source = requirements.source
    channels = ", ".join(map(without_conda_credentials, requirements.channels))
    match failure.kind:
        case "Timeout":
            what = f"rattler did not finish locking {source}: {failure.message}"
            hint = f"check that the channels can be reached and run again: {channels}"
        case "SolverError" if missing := _NO_CANDIDATES.findall(failure.message):
            what = f"{source}: no channel has {', '.join(missing)}"
            hint = (
                "correct the name or the version, or name its channel, as `channel::package` or in "
                f"CONDA_CHANNELS (these were searched: {channels})"
            )
        case "SolverError":
            what = f"{source}: these conda packages cannot be installed together"
            hint = (
                "relax one of the versions named above, or name a channel that has others, "
                "`channel::package`"
            )
        case "GatewayError" | "FetchRepoDataError":
            what = f"A conda channel could not be read, so {source} could not be locked"
            hint = f"check the network and the names of the channels, and run again: {channels}"
        case "InvalidMatchSpecError" | "InvalidVersionSpecError" | "InvalidPackageNameError":
            what = f"{source}: invalid conda match spec in {', '.join(requirements.shown)}"
            hint = "write the version as Metaflow takes it: `1.2.3`, `>=1.2,<2`, `1.2.*`"
        case "InvalidChannelError" | "InvalidUrlError":
            what = f"{source}: invalid conda channel name in {channels}"
            hint = "write a channel as `conda-forge`, or as a URL"
        case "NoHash":
            what = f"{source}: a channel has no sha256 for {failure.message}"
            hint = "index that channel again (`rattler-index`, `conda index`), or use another"
        case _:
            what = f"rattler could not lock {source} ({failure.kind})"
            hint = "read rattler's output above and run again"
    detail = "" if failure.kind in {"Timeout", "NoHash"} else failure.message
    return LockError(what, hint=hint, detail=detail)
