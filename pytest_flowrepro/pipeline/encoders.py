"""The project's own encoders of artifacts: their file, and notes about their use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import Capture
    from pytest_flowrepro.pipeline.job import Job


def encoder_file(job: Job) -> Path | None:
    """Return the file of the setting. Raises `SettingsError` if it does not exist.

    It determines digests as the flow's own code does, so it is packaged, compared and listed with
    it.
    """
    if job.settings.encoders is None:
        return None
    file = Path(os.path.normpath(job.root / job.settings.encoders))
    if not file.is_file():
        raise SettingsError(
            f"{job.title}: `encoders` names {file}, which does not exist",
            hint="correct the path, which is relative to pyproject.toml, or remove the setting",
        )
    return file


def encoder_notes(captured: Capture, *, ended_well: bool) -> Iterator[str]:
    """Yield a note for each encoder that no artifact needed."""
    for name, used in captured.encoders:
        if ended_well and not used:
            yield (
                f"the encoder for {name} was not used: no artifact contains an instance of exactly "
                "that class"
            )
