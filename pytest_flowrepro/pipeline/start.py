"""The start of a job's flow, as configured: its working directory and variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.settings.variables import PassedThrough
from pytest_flowrepro.support.errors import SettingsError
from pytest_flowrepro.support.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_flowrepro.pipeline.job import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    cwd: Path
    """In the user's tree, absolute; a rerun uses the same folder of its copy."""
    env: Mapping[str, str]
    redaction: Redaction


def start_of(job: Job) -> Start:
    """Return working directory and variables of a flow.

    Raises `SettingsError` for a folder that does not exist, and for a variable that is not set.
    """
    settings = job.settings
    if not job.cwd.is_dir():
        raise SettingsError(
            f"pyproject.toml: `cwd` of {job.flow.name}: the folder {job.cwd} does not exist",
            hint="correct it: it is relative to the project, and the flow is started from there",
        )
    passed = [name for name, value in settings.env.items() if isinstance(value, PassedThrough)]
    if unset := [name for name in passed if name not in os.environ]:
        raise SettingsError(
            f"pyproject.toml: the `env` of {job.flow.name} passes through "
            f"{', '.join(unset)}, which pytest's own environment does not have",
            hint=f"set {unset[0]} where pytest is started, or give it a literal value",
        )
    literal = {name: value for name, value in settings.env.items() if isinstance(value, str)}
    secret = {name: os.environ[name] for name in passed}
    return Start(cwd=job.cwd, env={**literal, **secret}, redaction=Redaction(secret))
