"""The resolution of requirements to a lock, by the resolver for their kind."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from filelock import FileLock

from pytest_flowrepro.lock import resolver
from pytest_flowrepro.lockfile.parse import parse_lock
from pytest_flowrepro.pipeline.conda import resolve_with_conda

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Lock, Requirements
    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.pipeline.stages import Stages

_TIMEOUT = 300.0
"""Seconds."""


def resolve(job: Job, stages: Stages, requirements: Requirements, python: Path | None) -> Lock:
    """Return a lock of `requirements` for `python`, which is None if it comes from conda.

    A fresh one is resolved once for all the job's tests, so that they compare the same packages,
    and ignores a lock of the project's own, such as `uv.lock`.
    """
    if not job.fresh:
        return stages.resolve(job, requirements, python, job.folder)
    unlocked = replace(requirements, locked=None)
    digest = hashlib.sha256(f"{unlocked}\n{python}".encode()).hexdigest()[:16]
    folder = job.folder / f"resolved-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    lock_file, part, notes = (folder / name for name in ("kept.txt", "kept.part", "notes.txt"))
    with FileLock(folder / "kept.lock"):
        if not lock_file.exists():
            lock = stages.resolve(job, unlocked, python, folder)
            part.write_text(lock.text, encoding="utf-8")
            notes.write_text("\n".join(lock.notes), encoding="utf-8")
            part.replace(lock_file)
        lines = notes.read_text(encoding="utf-8").splitlines()
        lock = parse_lock(lock_file.read_text(encoding="utf-8"))
        return replace(lock, notes=tuple(lines))


def resolve_in(job: Job, requirements: Requirements, python: Path | None, workspace: Path) -> Lock:
    """Return a new lock; the resolver writes below `workspace`. Raises `LockError`."""
    workspace.mkdir(parents=True, exist_ok=True)
    if requirements.conda is not None:
        return resolve_with_conda(job, requirements, workspace=workspace, timeout=_TIMEOUT)
    assert python is not None  # only conda brings its own
    return resolver(job.installer).resolve(
        requirements, python=python, workspace=workspace, timeout=_TIMEOUT, as_of=job.as_of
    )
