"""Install the conda packages of a lock into a prefix."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.failures import RECORD_ANEW
from pytest_flowrepro.installers.rattler import Failure, ask_rattler, has_rattler
from pytest_flowrepro.lockfile.conda import host_of, with_credentials
from pytest_flowrepro.support.cache import mark_used
from pytest_flowrepro.support.disk import full_disk_in_output
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_flowrepro.model import CondaLock, LockedArchive

_LOCK_ANEW = f"{RECORD_ANEW} to lock what the channels have now"


def install_conda(
    lock: CondaLock,
    *,
    prefix: Path,
    archives: Path,
    timeout: float,
    channels: Iterable[str] = (),
) -> None:
    """Install exactly the packages of a lock into a new prefix.

    `archives` is a folder, possibly shared, that keeps downloaded archives. Each is looked up
    there by its hash, and its hash is verified before each unpacking. `channels` are URLs
    that may have credentials. Raises `EnvironmentBuildError`, at the latest after
    `timeout` seconds; the prefix is then incomplete.
    """
    if not has_rattler():
        raise EnvironmentBuildError(
            "py-rattler is not installed, and the environment has conda packages",
            hint="run `pip install 'pytest-flowrepro[conda]'`",
        )
    channel_urls = tuple(channels)
    prefix.mkdir(parents=True, exist_ok=True)
    unpacked = prefix / "conda-unpacked"
    for archive in lock.archives:
        mark_used(kept_archive(archives, archive).parent)
    answer = ask_rattler(
        {
            "command": "install",
            "platform": lock.platform,
            "prefix": str(prefix),
            "unpacked": str(unpacked),
            "archives": [
                {
                    "url": with_credentials(archive.url, channel_urls),
                    "sha256": archive.sha256,
                    "file": str(kept_archive(archives, archive)),
                }
                for archive in lock.archives
            ],
        },
        workspace=prefix,
        timeout=timeout,
    )
    shutil.rmtree(unpacked, ignore_errors=True)
    if isinstance(answer, Failure):
        raise _build_error(answer, lock)


def kept_archive(archives: Path, archive: LockedArchive) -> Path:
    """Return the path of a kept archive; two channels may have different archives of one name."""
    return archives / archive.sha256 / archive.file_name


def _build_error(failure: Failure, lock: CondaLock) -> EnvironmentBuildError:
    message = failure.message
    hosts = ", ".join(sorted({host_of(archive.url) for archive in lock.archives}))
    match failure.kind:
        case "Timeout":
            what = f"rattler did not finish building the environment: {message}"
            hint = f"check that the channels can be reached and run again: {hosts}"
        case "Hash":
            what = f"{failure.archive} in its channel is not the file that was locked: {message}"
            hint = f"find out why the file changed before you trust it, then {_LOCK_ANEW}"
        case "Platform":
            what = f"The conda lock is for {lock.platform}, but this machine is {message}"
            hint = "check on the recorded platform, or record on this one"
        case "Fetch":
            what = f"{failure.archive} is locked, but could not be downloaded"
            hint = f"check the network and run again; if the channel no longer has it, {_LOCK_ANEW}"
        case _ if full := full_disk_in_output(message):
            what, hint = full.what, full.hint
        case _:
            what = f"rattler could not build the environment ({failure.kind})"
            hint = "read rattler's output above and run again"
    detail = "" if failure.kind in {"Timeout", "Hash", "Platform"} else message
    return EnvironmentBuildError(what, hint=hint, detail=detail)
