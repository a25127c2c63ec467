"""Patterns of the configuration that must not be used: expired ones, and those without a match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.diff import unmatched
from pytest_flowrepro.diff.verdict import artifacts
from pytest_flowrepro.support.errors import SettingsError
from pytest_flowrepro.support.text import did_you_mean

if TYPE_CHECKING:
    from datetime import date

    from pytest_flowrepro.model import Recording
    from pytest_flowrepro.pipeline import Job
    from pytest_flowrepro.settings.settings import Settings


def check_expired(job: Job, settings: Settings, *, today: date) -> None:
    """Raise `SettingsError` for a pattern whose last day is past."""
    expired = job.settings.patterns.expired(today)
    if expired:
        problems = "\n".join(
            f"{terms.place}: `{terms.pattern}` was valid until {terms.until}"
            + (f": {terms.reason}" if terms.reason else "")
            for terms in expired
        )
        raise SettingsError(
            f"{settings.file}: {problems}",
            hint="remove it, or give it a later day, and record again with --flow-repro-update",
        )


def check_unmatched(job: Job, settings: Settings, *recordings: Recording) -> None:
    """Raise `SettingsError` for a pattern of this flow's own that matches nothing."""
    flow_patterns = set(job.settings.patterns) - set(settings.project.patterns)
    for key, pattern in unmatched(recordings, job.settings.patterns):
        if (key, pattern) in flow_patterns:
            labels = (
                label
                for recording in recordings
                for step, artifact in artifacts(recording)
                for label in (f"{step}.{artifact.name}", step)
            )
            raise SettingsError(
                f"{settings.file}: {job.table}.{key}: `{pattern}` matches no artifact"
                f"{did_you_mean(pattern, labels)}",
                hint=f"correct it (`flowrepro show {job.flow.name}` lists them as "
                "`step.artifact`), or remove it",
            )
