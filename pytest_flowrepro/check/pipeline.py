"""The pipeline.

record = write(observe(flow))
check  = diff(read(baseline), observe(flow))
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.check.edited import edited_environments
from pytest_flowrepro.check.images import images_by_tag
from pytest_flowrepro.check.imported import imported
from pytest_flowrepro.check.job import Clock, Observation
from pytest_flowrepro.check.machine import machine_notes
from pytest_flowrepro.check.notes import (
    broken_cards,
    ran_here_instead,
    repeated_attempts,
)
from pytest_flowrepro.check.policy import policy_of
from pytest_flowrepro.check.prepare import prepare_again, prepare_anew, with_upstreams
from pytest_flowrepro.check.proposals import proposals
from pytest_flowrepro.check.repeat import repeat
from pytest_flowrepro.check.secrets import hide_in_observation, hiding_in_errors
from pytest_flowrepro.determinism import differing, with_determinism
from pytest_flowrepro.diff import is_allowed
from pytest_flowrepro.environment import system_of
from pytest_flowrepro.errors import CaptureError
from pytest_flowrepro.known import known_from
from pytest_flowrepro.model import Recording

if TYPE_CHECKING:
    from pytest_flowrepro.check.job import Job
    from pytest_flowrepro.check.prepare import Prepared
    from pytest_flowrepro.check.repeat import Rerun
    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.patterns import Patterns


def record(job: Job) -> Observation:
    """Resolve, rebuild and rerun; the observation is what a new baseline stores.

    The flow is rerun under hash seed 0, then under 1, and where artifacts differ once more under
    0: that tells what is nondeterministic from what only depends on the hash seed.
    """
    with hiding_in_errors(job):
        return hide_in_observation(_record(job), job)


def _record(job: Job) -> Observation:
    clock = Clock(job)
    prepared = with_upstreams(prepare_anew(job, clock), clock)
    first = repeat(prepared, clock, seed=0, name="first", limit=job.settings.values)
    if not first.run.ok or job.settings.record_runs == 1:
        return _observation(prepared, first, clock, runs=1, recorded=True)
    second = repeat(prepared, clock, seed=1, name="second")
    if not second.run.ok:
        return _observation(prepared, second, clock, runs=2)
    again = None
    same = Same(patterns=job.settings.patterns)
    if differing(first.tasks, second.tasks, same):
        again = repeat(prepared, clock, seed=0, name="third")
        if not again.run.ok:
            return _observation(prepared, again, clock, runs=3)
    others = (second.tasks, again.tasks if again else None)
    before, *tasks = with_determinism(first.tasks, *others, same=same)
    marked = replace(first.captured, parameters=before.artifacts, tasks=tuple(tasks))
    marked_first = replace(first, captured=marked)
    runs = job.settings.record_runs
    found = _observation(prepared, marked_first, clock, runs=runs, recorded=True)
    proposed = proposals(job, first.tasks, again.tasks, second.tasks) if again else ()
    return replace(found, notes=(*found.notes, *proposed))


@dataclass(frozen=True, kw_only=True, slots=True)
class Same:
    """Whether two reruns gave one value, under the patterns of the flow."""

    patterns: Patterns
    known: dict[tuple[str, str, str, str], bool] = field(default_factory=dict)
    """By step, name and digests: values may be large, and the same ones are asked about again."""

    def __call__(self, step: str, one: Artifact, other: Artifact) -> bool:
        if one.digest == other.digest or self.patterns.ignores(step, one.name):
            return one.digest == other.digest
        _refuse_unread(step, one, other)
        key = (step, one.name, one.digest, other.digest)
        if key not in self.known:
            self.known[key] = is_allowed(step, one, other, self.patterns)
        return self.known[key]


def _refuse_unread(step: str, one: Artifact, other: Artifact) -> None:
    """It would be recorded as one that differs from run to run, and never be compared."""
    why = one.unread or other.unread
    if why and one.opaque != other.opaque:
        raise CaptureError(
            f"{step}.{one.name} could be read in one rerun, and not in another: {why}.",
            hint="record again on a machine with more time or memory, make the artifact easier to "
            f'load, or leave it out with ignore = ["{step}.{one.name}"].',
        )


def observe(job: Job, baseline: Recording) -> Observation:
    """Rebuild from the baseline's locks, or anew, and rerun once, under hash seed 0."""
    with hiding_in_errors(job):
        return hide_in_observation(_observe(job, baseline), job)


def _observe(job: Job, baseline: Recording) -> Observation:
    clock = Clock(job)
    prepared = prepare_anew(job, clock) if job.fresh else prepare_again(job, baseline, clock)
    prepared = with_upstreams(prepared, clock)
    known = known_from(baseline, environments=prepared.environments, system=system_of())
    rerun = repeat(prepared, clock, seed=0, name="check", limit=job.settings.values, known=known)
    return _observation(prepared, rerun, clock, runs=1)


def _observation(
    prepared: Prepared, rerun: Rerun, clock: Clock, *, runs: int, recorded: bool = False
) -> Observation:
    job = prepared.job
    environments = (prepared.built, *prepared.of_steps)
    with clock.stage("environment", "looking for edited files"):
        flows = (prepared, *prepared.after)
        used = (built for flow in flows for built in (flow.built, *flow.of_steps))
        edited = edited_environments(job.title, used)
    imports = imported(prepared.package, environments, rerun.captured.logs)
    recording = Recording(
        flow=job.flow.name,
        case=job.case,
        code=prepared.package.files,
        environments=imports.environments,
        system=system_of(),
        policy=policy_of(job),
        steps=prepared.steps,
        parameters=rerun.captured.parameters,
        tasks=rerun.captured.tasks,
        runs=runs,
    )
    return Observation(
        recording=recording,
        logs=rerun.captured.logs,
        failure=rerun.failure,
        output=rerun.run.output,
        seconds=clock.read(),
        notes=(
            *(f"{before.job.title} ran before it" for before in prepared.after),
            *prepared.notes,
            *machine_notes(prepared),
            *ran_here_instead(prepared.steps),
            *images_by_tag(prepared.steps),
            *edited,
            *repeated_attempts(rerun.captured.logs),
            *broken_cards(rerun.captured.tasks),
            *rerun.notes,
            *imports.undeclared,
            *(imports.unused if recorded and rerun.failure is None else ()),
        ),
        details=rerun.left_behind,
    )
