"""The resolution of requirements to a lock, by the resolver for their kind."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.lock import resolver
from pytest_flowrepro.lockfile.parse import parse_lock
from pytest_flowrepro.pipeline.conda import conda_part_of, resolve_with_conda
from pytest_flowrepro.support.errors import FlowReproError, error_from_json, error_to_json
from pytest_flowrepro.support.made_once import made_once

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Lock, Requirements
    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.pipeline.stages import Stages

_TIMEOUT = 300.0
"""Seconds."""


def resolve(job: Job, stages: Stages, requirements: Requirements, python: Path | None) -> Lock:
    """Return a lock of `requirements` for `python`, which is None if it comes from conda.

    Equal requirements are resolved once in a session, by any of its processes, for all flows and
    steps. So all tests compare the same packages, and a failed resolution fails for each of them. A
    fresh resolution ignores a lock of the project's own, such as `uv.lock`.

    Raises `LockError`.
    """
    if job.fresh:
        requirements = replace(requirements, locked=None)
    elif requirements.locked and not job.as_of:
        return stages.resolve(job, requirements, python, job.folder)

    folder = job.resolutions / _identity(job, requirements, python)
    folder.mkdir(parents=True, exist_ok=True)

    def make() -> dict[str, object]:
        try:
            lock = stages.resolve(job, requirements, python, folder)
        except FlowReproError as error:
            if error.__cause__ is not None:  # of the system: a full disk is reported by its cause
                raise
            return {"error": error_to_json(error), "source": requirements.source}
        return {"text": lock.text, "notes": lock.notes}

    fields = made_once(folder / "lock.json", make)
    if fields.get("source", requirements.source) != requirements.source:
        # An error names the file that it is about.
        fields = made_once(folder / f"lock-{_digest(requirements.source)}.json", make)
    if "error" in fields:
        raise error_from_json(fields["error"])
    return replace(parse_lock(fields["text"]), notes=tuple(fields["notes"]))


def _identity(job: Job, requirements: Requirements, python: Path | None) -> str:
    """Return a digest of everything that a resolution depends on.

    The place of the declaration is only named in messages.
    """
    content = replace(requirements, source="", notes=(), declared=True, folders=(), local=())
    channels = conda_part_of(job, requirements).channels if requirements.conda else ()
    return _digest((content, python, job.installer, job.as_of, channels))


def _digest(content: object) -> str:
    return hashlib.sha256(repr(content).encode(errors="surrogateescape")).hexdigest()[:16]


def resolve_in(job: Job, requirements: Requirements, python: Path | None, workspace: Path) -> Lock:
    """Return a new lock; the resolver writes below `workspace`. Raises `LockError`."""
    workspace.mkdir(parents=True, exist_ok=True)
    if requirements.conda is not None:
        return resolve_with_conda(job, requirements, workspace=workspace, timeout=_TIMEOUT)
    assert python is not None  # only conda brings its own
    return resolver(job.installer).resolve(
        requirements, python=python, workspace=workspace, timeout=_TIMEOUT, as_of=job.as_of
    )
