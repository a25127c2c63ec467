"""The recorded locks that a new recording keeps.

A recording accepts results, and packages do not move by the way. The lock of an environment is kept
while its declaration is the recorded one and the lock can be installed on this machine. Each
environment is decided by itself: a changed requirement of one step leaves the other locks alone.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.lockfile.conda import this_platform
from pytest_flowrepro.model import CondaLock, pypi_part
from pytest_flowrepro.pipeline.conda import conda_part_of, shown_requirements
from pytest_flowrepro.pipeline.policy import policy_of
from pytest_flowrepro.support.redaction import without_conda_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import Environment, Interpreter, Lock, Recording, Requirements
    from pytest_flowrepro.pipeline.job import Job

BASE = "base"
"""The name of the environment of a flow's own requirements."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockChoice:
    """The recorded lock of an environment, or the reason for a new resolution.

    It has neither if there was no choice: nothing is recorded, or a resolution was asked for.
    """

    lock: Lock | None = None
    reason: str | None = None
    """`as its requirements changed`"""


NO_CHOICE = LockChoice()


def choose_lock(
    job: Job,
    name: str,
    requirements: Requirements,
    python: Interpreter | None,
    baseline: Recording | None,
) -> LockChoice:
    """Return the choice for the environment `name` of a job.

    `python` is its interpreter today, None if that comes from conda. Steps that were renamed keep
    the lock of their declaration.
    """
    if not job.recording:
        return NO_CHOICE
    if job.fresh or job.as_of is not None:
        return LockChoice(reason=f"without {requirements.source}" if requirements.locked else None)
    if baseline is None:
        return NO_CHOICE
    candidates = sorted(baseline.environments, key=lambda environment: environment.name != name)
    reasons: dict[str, str] = {}
    for recorded in candidates:
        reason = _difference(job, requirements, recorded, baseline) or _misfit(recorded, python)
        if reason is None:
            return LockChoice(lock=recorded.lock)
        reasons[recorded.name] = reason
    return LockChoice(reason=reasons.get(name))


def lock_notes(choices: Iterable[tuple[str, LockChoice]]) -> Iterator[str]:
    """Yield a note for each named environment whose recorded lock was not kept."""
    for name, choice in choices:
        if choice.reason is not None:
            yield f"environment {name}: resolved anew, {choice.reason}"


def _difference(
    job: Job, requirements: Requirements, recorded: Environment, baseline: Recording
) -> str | None:
    """Return the part of a declaration that is not the recorded one."""
    is_conda = requirements.conda is not None
    if (
        isinstance(recorded.lock, CondaLock) != is_conda
        or shown_requirements(job, requirements) != recorded.requirements
    ):
        return "as its requirements changed"
    before, now = (
        {(constraints.file, constraints.digest) for constraints in side}
        for side in (recorded.constraints, requirements.constraint_sources)
    )
    if before != now:
        return f"as {', '.join(sorted({file for file, _ in before ^ now}))} changed"
    if isinstance(recorded.lock, CondaLock) and not _has_same_channels(
        job, requirements, recorded.lock, baseline
    ):
        return "as its conda channels changed"
    return None


def _has_same_channels(
    job: Job, requirements: Requirements, lock: CondaLock, baseline: Recording
) -> bool:
    """Return whether the configured channels are the recorded ones, as far as that is known.

    Of others (CONDA_CHANNELS, an environment.yml) only those that a lock uses are recorded.
    """
    if policy_of(job).conda_channels != baseline.policy.conda_channels:
        return False
    urls = conda_part_of(job, requirements).channels
    channels = tuple(f"{without_conda_credentials(url)}/" for url in urls)
    return all(archive.url.startswith(channels) for archive in lock.archives)


def _misfit(recorded: Environment, python: Interpreter | None) -> str | None:
    """Return why a recorded lock cannot be installed on this machine, by its interpreter."""
    if python is not None and (python.implementation, python.minor) != (
        recorded.python.implementation,
        recorded.python.minor,
    ):
        return f"as it was recorded with {recorded.python} and has {python} now"
    lock, pypi = recorded.lock, pypi_part(recorded.lock)
    if isinstance(lock, CondaLock) and lock.platform != this_platform():
        return f"as its lock is for {lock.platform} only"
    if pypi and pypi.platform not in {None, f"{sys.platform} {platform.machine()}"}:
        return f"as its lock is for {pypi.platform} only"
    return None
