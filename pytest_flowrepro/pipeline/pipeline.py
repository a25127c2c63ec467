"""The pipeline.

record = write(observe(flow))
check  = diff(read(baseline), observe(flow))
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.capture.baseline_values import known_from
from pytest_flowrepro.environment import system_of
from pytest_flowrepro.environment.modified_files import edited_environments
from pytest_flowrepro.model import Recording
from pytest_flowrepro.pipeline.attempt import repeat
from pytest_flowrepro.pipeline.attempts import attempt_all
from pytest_flowrepro.pipeline.images import images_by_tag
from pytest_flowrepro.pipeline.import_usage import imported
from pytest_flowrepro.pipeline.job import Clock, Observation
from pytest_flowrepro.pipeline.machine import machine_notes, system_under
from pytest_flowrepro.pipeline.notes import (
    broken_cards,
    local_fallback_notes,
    repeated_attempts,
)
from pytest_flowrepro.pipeline.policy import policy_of
from pytest_flowrepro.pipeline.prepare import prepare_again, prepare_anew, with_upstreams
from pytest_flowrepro.pipeline.secrets import hide_in_observation, hiding_in_errors
from pytest_flowrepro.pipeline.step_code import with_code

if TYPE_CHECKING:
    from pytest_flowrepro.pipeline.attempt import Rerun
    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.pipeline.prepare import Prepared
    from pytest_flowrepro.pipeline.stages import Stages


def record(job: Job, baseline: Recording | None, stages: Stages) -> Observation:
    """Return the observation for a new baseline: lock, build, and rerun several times.

    The locks of the existing `baseline` are kept where they apply.
    """
    with hiding_in_errors(job):
        return hide_in_observation(_record(replace(job, recording=True), baseline, stages), job)


def _record(job: Job, baseline: Recording | None, stages: Stages) -> Observation:
    clock = Clock(job)
    prepared = with_upstreams(prepare_anew(job, clock, stages, baseline=baseline), clock, stages)
    attempts = attempt_all(prepared, clock, stages)
    if not attempts.last.run.ok:
        return _observation(prepared, attempts.last, clock, runs=len(attempts.reruns))
    classified = attempts.classify()
    marked = attempts.marked(classified)
    # Their number depends on chance, but equal recordings must have equal bytes.
    runs = min(job.settings.record_runs, 2)
    observation = _observation(prepared, marked, clock, runs=runs, recorded=True)
    return replace(observation, notes=(*observation.notes, *attempts.proposals(classified, stages)))


def observe(job: Job, baseline: Recording, stages: Stages) -> Observation:
    """Return the observation for a check: build, and rerun once, under hash seed 0.

    The environments are those of the baseline's locks, or of a new resolution.
    """
    with hiding_in_errors(job):
        return hide_in_observation(_observe(job, baseline, stages), job)


def _observe(job: Job, baseline: Recording, stages: Stages) -> Observation:
    clock = Clock(job)
    prepared = (prepare_anew if job.fresh else prepare_again)(job, clock, stages, baseline=baseline)
    prepared = with_upstreams(prepared, clock, stages)
    known = known_from(baseline, environments=prepared.environments.manifests, system=system_of())
    prepared = replace(prepared, known=known, tasks=len(baseline.tasks))
    rerun = repeat(prepared, clock, stages, name="check", limit=job.settings.values)
    return _observation(prepared, rerun, clock, runs=1, baseline=baseline)


def _observation(
    prepared: Prepared,
    rerun: Rerun,
    clock: Clock,
    *,
    runs: int,
    baseline: Recording | None = None,
    recorded: bool = False,
) -> Observation:
    """Return what a rerun showed; without a `baseline` that it is compared with, a recording."""
    job = prepared.job
    with clock.stage("environment", "looking for edited files"):
        flows = (prepared, *prepared.after)
        used = (built for flow in flows for built in flow.environments.all)
        edited = edited_environments(job.title, used)
    imports = imported(prepared.package, prepared.environments, rerun.captured.logs)
    recording = Recording(
        flow=job.flow.name,
        case=job.case,
        code=prepared.package.files,
        environments=imports.environments,
        system=system_under(prepared),
        policy=policy_of(job),
        steps=with_code(
            prepared.steps,
            prepared.package,
            rerun.captured.logs,
            flow=job.flow.name,
            baseline=baseline,
        ),
        parameters=rerun.captured.parameters,
        tasks=rerun.captured.tasks,
        runs=runs,
    )
    return Observation(
        recording=recording,
        logs=rerun.captured.logs,
        failure=rerun.failure,
        timed_out=rerun.run.ending.timed_out,
        output=rerun.run.output,
        seconds=clock.read(),
        notes=(
            *(f"{before.job.title} ran before it" for before in prepared.after),
            *prepared.notes,
            *machine_notes(prepared),
            *local_fallback_notes(prepared.steps),
            *images_by_tag(prepared.steps),
            *edited,
            *repeated_attempts(rerun.captured.logs),
            *broken_cards(rerun.captured.tasks),
            *rerun.notes,
            *imports.undeclared,
            *(imports.unused if recorded and rerun.failure is None else ()),
        ),
        ended=rerun.run.ended if rerun.run.ending.timed_out else (),
        details=rerun.left_behind,
        cards=rerun.captured.cards,
    )
