"""The reruns of a recording: only those needed to separate chance, hash seed and machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.diff import is_allowed
from pytest_flowrepro.diff.determinism import classify, next_conditions
from pytest_flowrepro.pipeline.attempt import read_whole, repeat
from pytest_flowrepro.pipeline.machine import variation
from pytest_flowrepro.pipeline.suggestions import machine_proposals, random_proposals
from pytest_flowrepro.support.errors import CaptureError

if TYPE_CHECKING:
    from pytest_flowrepro.diff.determinism import Attempt, Classified, Same
    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.model.patterns import Patterns
    from pytest_flowrepro.pipeline.attempt import Rerun
    from pytest_flowrepro.pipeline.job import Clock, Job
    from pytest_flowrepro.pipeline.prepare import Prepared
    from pytest_flowrepro.pipeline.stages import Stages

_NAMES = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempts:
    """The reruns of a recording, in the order in which they ran."""

    job: Job
    reruns: tuple[Rerun, ...]
    same: Same

    @property
    def last(self) -> Rerun:
        """Return the last rerun, which is the failed one if any failed."""
        return self.reruns[-1]

    @property
    def compared(self) -> tuple[Attempt, ...]:
        return tuple(rerun.attempt for rerun in self.reruns)

    def classify(self) -> Classified:
        return classify(self.compared, same=self.same)

    def marked(self, classified: Classified) -> Rerun:
        """Return the first rerun, with the determinism of each artifact over all reruns."""
        first = self.reruns[0]
        before, *tasks = classified.tasks
        captured = replace(first.captured, parameters=before.artifacts, tasks=tuple(tasks))
        return replace(first, captured=captured)

    def proposals(self, classified: Classified, stages: Stages) -> tuple[str, ...]:
        """Return notes about artifacts that do not repeat everywhere, with the lines to add."""
        by_chance = random_proposals(self.job, self.compared, classified)
        if not classified.machine:
            return by_chance
        # The summary of an array does not show the distance between two arrays.
        here, elsewhere = (
            read_whole(rerun, classified.machine, stages) for rerun in self.reruns[:2]
        )
        return (*by_chance, *machine_proposals(self.job, (here, elsewhere), classified))


def attempt_all(prepared: Prepared, clock: Clock, stages: Stages) -> Attempts:
    """Rerun a flow until the determinism of its artifacts is known, or until it fails."""
    settings = prepared.job.settings
    same = same_under(settings.patterns)
    varied = variation(prepared)
    reruns = [repeat(prepared, clock, stages, name=_NAMES[0], limit=settings.values)]
    while reruns[-1].run.ok:
        conditions = next_conditions(
            [rerun.attempt for rerun in reruns], varied, same=same, most=settings.record_runs
        )
        if conditions is None:
            break
        name = _NAMES[len(reruns)]
        reruns.append(repeat(prepared, clock, stages, name=name, conditions=conditions))
    return Attempts(job=prepared.job, reruns=tuple(reruns), same=same)


def same_under(patterns: Patterns) -> Same:
    """Return a comparison of two artifacts under the patterns of a flow.

    It remembers its results by step, name and digests: values may be large, and the same ones are
    compared again. It raises `CaptureError` for a value that only one rerun could read.
    """
    results: dict[tuple[str, str, str, str], bool] = {}

    def same(step: str, first: Artifact, second: Artifact) -> bool:
        if first.digest == second.digest or patterns.ignores(step, first.name):
            return first.digest == second.digest
        _check_readable(step, first, second)
        key = (step, first.name, first.digest, second.digest)
        if key not in results:
            results[key] = is_allowed(step, first, second, patterns)
        return results[key]

    return same


def _check_readable(step: str, first: Artifact, second: Artifact) -> None:
    """Raise `CaptureError` for a value that only one rerun could read.

    It would be recorded as nondeterministic, and never be compared.
    """
    unread = next((artifact for artifact in (first, second) if artifact.unread), None)
    if unread and first.opaque != second.opaque:
        raise CaptureError(
            f"{step}.{first.name} could be read in one rerun but not in another: "
            f"{unread.opaque_reason}",
            hint="record again on a machine with more time or memory, make the artifact easier to "
            f'load, or leave it out with ignore = ["{step}.{first.name}"]',
        )
