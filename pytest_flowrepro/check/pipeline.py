"""The pipeline.

record = write(observe(flow))
check  = diff(read(baseline), observe(flow))
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.check.job import Clock, Observation
from pytest_flowrepro.check.prepare import (
    prepare,
    prepare_again,
    resolve_and_build,
    with_upstreams,
)
from pytest_flowrepro.check.repeat import repeat
from pytest_flowrepro.determinism import differing, with_determinism
from pytest_flowrepro.environment import system_of
from pytest_flowrepro.model import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.check.job import Job
    from pytest_flowrepro.check.prepare import Prepared
    from pytest_flowrepro.check.repeat import Rerun
    from pytest_flowrepro.model import Step, Task, TaskLog


def record(job: Job) -> Observation:
    """Resolve, rebuild and rerun; the observation is what a new baseline stores.

    The flow is rerun under hash seed 0, then under 1, and where artifacts differ once more under
    0: that tells what is nondeterministic from what only depends on the hash seed.
    """
    clock = Clock(job)
    prepared = with_upstreams(prepare(job, resolve_and_build(job, clock), clock), clock)
    first = repeat(prepared, clock, seed=0, name="first")
    if not first.run.ok or job.settings.record_runs == 1:
        return _observation(prepared, first, clock, runs=1)
    second = repeat(prepared, clock, seed=1, name="second")
    if not second.run.ok:
        return _observation(prepared, second, clock, runs=2)
    again = None
    if differing(first.tasks, second.tasks):
        again = repeat(prepared, clock, seed=0, name="third")
        if not again.run.ok:
            return _observation(prepared, again, clock, runs=3)
    before, *tasks = with_determinism(first.tasks, second.tasks, again.tasks if again else None)
    marked = replace(first.captured, parameters=before.artifacts, tasks=tuple(tasks))
    return _observation(
        prepared, replace(first, captured=marked), clock, runs=job.settings.record_runs
    )


def observe(job: Job, baseline: Recording) -> Observation:
    """Rebuild from the baseline's lock and rerun once, under hash seed 0."""
    clock = Clock(job)
    prepared = with_upstreams(prepare_again(job, baseline, clock), clock)
    return _observation(prepared, repeat(prepared, clock, seed=0, name="check"), clock, runs=1)


def _observation(prepared: Prepared, rerun: Rerun, clock: Clock, *, runs: int) -> Observation:
    job = prepared.job
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
        notes=(
            *(f"{before.job.title} ran before it" for before in prepared.after),
            *_ran_here_instead(prepared.steps),
            *_repeated_attempts(rerun.captured.logs),
            *_broken_cards(rerun.captured.tasks),
        ),
        details=rerun.left_behind,
    )


_REMOTE = frozenset({"batch", "kubernetes"})


def _ran_here_instead(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        for one in step.decorators:
            if one.name in _REMOTE:
                where = f"the flow sends it elsewhere (@{one.name})"
                yield f"step {step.name} ran on this machine; {where}"


def _repeated_attempts(logs: tuple[TaskLog, ...]) -> Iterator[str]:
    for log in logs:
        if log.attempts > 1:
            yield f"step {_task(log)} took {log.attempts} attempts"


def _broken_cards(tasks: tuple[Task, ...]) -> Iterator[str]:
    """Of those that reproduce, too: a card that was broken when it was recorded."""
    for task in tasks:
        for artifact in task.artifacts:
            if artifact.type == "metaflow.card" and artifact.value != "rendered":
                yield f"step {_task(task)}: {artifact.name} did not render ({artifact.value})"


def _task(task: Task | TaskLog) -> str:
    return f"{task.step}{list(task.index) if task.index else ''}"
