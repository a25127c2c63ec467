"""The pipeline.

record = write(observe(flow))
check  = diff(read(baseline), observe(flow))
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.check.job import Clock, Observation
from pytest_flowrepro.check.prepare import as_recorded, prepare, rebuild, resolve_and_build
from pytest_flowrepro.check.repeat import repeat
from pytest_flowrepro.determinism import differing, with_determinism
from pytest_flowrepro.environment import system_of
from pytest_flowrepro.model import Recording

if TYPE_CHECKING:
    from pytest_flowrepro.check.job import Job
    from pytest_flowrepro.check.prepare import Prepared
    from pytest_flowrepro.check.repeat import Rerun
    from pytest_flowrepro.model import Step


def record(job: Job) -> Observation:
    """Resolve, rebuild and rerun; the observation is what a new baseline stores.

    The flow is rerun under hash seed 0, then under 1, and where artifacts differ once more under
    0: that tells what is nondeterministic from what only depends on the hash seed.
    """
    clock = Clock(job)
    prepared = prepare(job, resolve_and_build(job, clock), clock)
    first = repeat(job, prepared, clock, seed=0, name="first")
    if not first.run.ok or job.settings.record_runs == 1:
        return _observation(job, prepared, first, clock, runs=1)
    second = repeat(job, prepared, clock, seed=1, name="second")
    if not second.run.ok:
        return _observation(job, prepared, second, clock, runs=2)
    again = None
    if differing(first.tasks, second.tasks):
        again = repeat(job, prepared, clock, seed=0, name="third")
        if not again.run.ok:
            return _observation(job, prepared, again, clock, runs=3)
    before, *tasks = with_determinism(first.tasks, second.tasks, again.tasks if again else None)
    marked = replace(first.captured, parameters=before.artifacts, tasks=tuple(tasks))
    return _observation(
        job, prepared, replace(first, captured=marked), clock, runs=job.settings.record_runs
    )


def observe(job: Job, baseline: Recording) -> Observation:
    """Rebuild from the baseline's lock and rerun once, under hash seed 0."""
    clock = Clock(job)
    with clock.stage("environment", "rebuilding the environment"):
        built = rebuild(job, baseline)
    prepared = as_recorded(job, built, baseline, clock) or prepare(job, built, clock)
    return _observation(
        job, prepared, repeat(job, prepared, clock, seed=0, name="check"), clock, runs=1
    )


def _observation(
    job: Job, prepared: Prepared, rerun: Rerun, clock: Clock, *, runs: int
) -> Observation:
    recording = Recording(
        flow=job.flow.name,
        case=job.case,
        code=prepared.package.files,
        environments=(prepared.built.manifest,),
        system=system_of(),
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
        notes=_ran_here_instead(prepared.steps),
    )


_REMOTE = frozenset({"batch", "kubernetes"})


def _ran_here_instead(steps: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(
        f"step {step.name} ran on this machine; the flow sends it elsewhere (@{decorator.name})"
        for step in steps
        for decorator in step.decorators
        if decorator.name in _REMOTE
    )
