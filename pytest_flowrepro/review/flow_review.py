"""The review of one flow: what its last check found, and what becomes of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline import flow_file, read_baseline, recording_name, write_baseline
from pytest_flowrepro.review.acceptance import accept
from pytest_flowrepro.review.decisions import (
    change_digest,
    history_lines,
    rejections,
    remember_rejection,
)
from pytest_flowrepro.review.last_check import compare_with, forget_check, read_check
from pytest_flowrepro.review.proposals import changes_of, propose
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_flowrepro.model import Recording
    from pytest_flowrepro.review.decisions import Decision
    from pytest_flowrepro.review.last_check import LastCheck
    from pytest_flowrepro.review.proposals import Proposal


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowReview:
    root: Path
    check: LastCheck
    baseline: Recording
    proposals: tuple[Proposal, ...]
    rejected: Mapping[str, Decision]
    """Earlier rejections, by the digest of what was proposed."""

    @property
    def file(self) -> str:
        """The flow's file relative to the project, with `/`."""
        return flow_file(self.check.baseline).relative_to(self.root).as_posix()

    @property
    def title(self) -> str:
        return f"{self.file}::{self.baseline.title}"

    def rejection(self, proposal: Proposal) -> Decision | None:
        """Return the rejection of a proposal, of this very value."""
        return self.rejected.get(change_digest(proposal, self.check.observed))

    def edited(self) -> tuple[str, ...]:
        """Return the code files that have changed since the check, relative to the flow's."""
        folder = flow_file(self.check.baseline).parent
        return tuple(
            file.path
            for file in self.check.observed.code
            if _sha256(folder / file.path) != file.sha256
        )

    def accept(self, answers: Sequence[tuple[Proposal, Decision]]) -> None:
        """Write the baseline with what is accepted, and the history.

        Raises `BaselineError` if the baseline is not the compared one any more, or cannot be
        written.
        """
        if not answers:
            return
        _compared_baseline(self.check, root=self.root)
        proposals = [proposal for proposal, _ in answers]
        accepted = accept(self.baseline, self.check, proposals)
        write_baseline(
            self.check.baseline,
            accepted,
            root=self.root,
            history=tuple(line for answer in answers for line in history_lines(*answer)),
        )
        is_done = all(proposal in proposals for proposal in self.proposals)
        _settle(self.check, recording_name(accepted), is_done=is_done, root=self.root)

    def reject(self, answers: Iterable[tuple[Proposal, Decision]]) -> None:
        """Remember what is rejected, for the next checks."""
        for proposal, decision in answers:
            remember_rejection(
                proposal,
                decision,
                observed=self.check.observed,
                baseline=self.check.baseline,
                root=self.root,
            )


def open_review(folder: Path, *, root: Path, details: bool = False) -> FlowReview | None:
    """Return the review of the last check of the baseline in `folder`; None without such a check.

    With `details`, explanations are complete. Raises `BaselineError` if the baseline has changed
    since the check.
    """
    check = read_check(folder, root=root)
    if check is None:
        return None
    baseline = _compared_baseline(check, root=root)
    return FlowReview(
        root=root,
        check=check,
        baseline=baseline,
        proposals=propose(changes_of(baseline, check, details=details), baseline, check),
        rejected=rejections(folder, root=root),
    )


def _compared_baseline(check: LastCheck, *, root: Path) -> Recording:
    baseline = read_baseline(check.baseline, root=root)
    if baseline is None or recording_name(baseline) != check.against:
        file = flow_file(check.baseline).relative_to(root).as_posix()
        raise BaselineError(
            f"{file}: the baseline of {check.observed.title} has changed since its last check",
            hint=f"check the flow again: `pytest --flow-repro {file}`",
        )
    return baseline


def _settle(check: LastCheck, against: str, *, is_done: bool, root: Path) -> None:
    """Forget a check of which nothing is left, or keep it as one of the new baseline."""
    try:
        if is_done:
            forget_check(check.baseline, root=root)
        else:
            compare_with(check, against, root=root)
    except OSError as error:
        raise BaselineError(
            f"{check.observed.title}: the baseline is written, but its last check cannot be "
            f"updated: {error.strerror or error}",
            hint="check the flow again before the next review",
        ) from error


def _sha256(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None
