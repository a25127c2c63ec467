"""Checks of the recording of `recordings`, for the tests of their review."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline import recording_name
from pytest_flowrepro.review.last_check import LastCheck
from pytest_flowrepro.review.proposals import changes_of, propose

if TYPE_CHECKING:
    from pytest_flowrepro.model import Recording
    from pytest_flowrepro.review.proposals import Proposal

WHEN = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)
FOLDER = Path("/project/flows/__flowrepro__/train/TrainFlow")


def last_check(
    observed: Recording,
    *,
    baseline: Recording | None = None,
    folder: Path = FOLDER,
    fresh: bool = False,
) -> LastCheck:
    against = recording_name(baseline) if baseline else "seal-0123.txt"
    return LastCheck(baseline=folder, observed=observed, against=against, fresh=fresh, when=WHEN)


def proposals_of(
    baseline: Recording, observed: Recording, *, fresh: bool = False
) -> tuple[Proposal, ...]:
    check = last_check(observed, fresh=fresh)
    return propose(changes_of(baseline, check), baseline, check)


def proposed(baseline: Recording, observed: Recording, *, fresh: bool = False) -> dict[str, str]:
    """Return what each proposal needs a recording for, by title; nothing for acceptable ones."""
    found = proposals_of(baseline, observed, fresh=fresh)
    return {proposal.title: proposal.needs_recording or "" for proposal in found}
