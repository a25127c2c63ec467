"""The policy of a job: those of its settings that a verdict depends on."""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.model import CodeFile, Policy
from pytest_flowrepro.pipeline.encoders import encoder_file
from pytest_flowrepro.support.redaction import without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.support.strict_json import Json


def policy_of(job: Job) -> Policy:
    """Return the policy; raises `SettingsError` if the file of the encoders does not exist."""
    settings = job.settings
    env = {
        name: without_credentials(value) if isinstance(value, str) else None
        for name, value in settings.env.items()
    }
    return Policy(
        fail_on=settings.fail_on,
        patterns=settings.patterns.ordered(),
        env=tuple(sorted(env.items())),
        parameters=_values(settings.parameters),
        configs=_values(settings.configs),
        include=tuple(sorted({without_credentials(pattern) for pattern in settings.include})),
        cwd=settings.cwd,
        after=settings.after,
        encoders=_encoders(job),
        conda_from_pypi=settings.conda_from_pypi,
        conda_channels=tuple(map(without_credentials, settings.conda_channels)),
        numeric=settings.numeric,
    )


def _encoders(job: Job) -> CodeFile | None:
    """Return the path of the encoders as the code package lists it."""
    file = encoder_file(job)
    if file is None:
        return None
    path = Path(os.path.relpath(file, job.flow.file.parent)).as_posix()
    return CodeFile(path=path, sha256=hashlib.sha256(file.read_bytes()).hexdigest())


def _values(values: Mapping[str, Json]) -> tuple[tuple[str, Json], ...]:
    return tuple(sorted((name, _storable(value)) for name, value in values.items()))


def _storable(value: Json) -> Json:
    match value:
        case str():
            return without_credentials(value)
        case list():
            return [_storable(item) for item in value]
        case dict():
            return {key: _storable(item) for key, item in value.items()}
        case float() if not math.isfinite(value):
            return {"$float": str(value)}
    return value
