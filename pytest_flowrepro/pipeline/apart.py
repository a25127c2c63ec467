"""Second runs of flows that shared an environment with a flow that edited it.

Flows with the same lock share an environment, also at the same time. When one of them edits an
installed file, the others may have run with the edit. Their results then prove nothing, and the
author of the edit is not known either: each flow runs again, in an environment of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment import edited_files, end_use, others_meanwhile, used_by
from pytest_flowrepro.pipeline import pipeline
from pytest_flowrepro.pipeline.stages import STAGES, Stages
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.model import Recording
    from pytest_flowrepro.pipeline.job import Job, Observation


def record(job: Job, baseline: Recording | None, stages: Stages = STAGES) -> Observation:
    """Record the flow as `pipeline.record` does.

    It runs again, in separate environments, if shared ones were edited meanwhile.
    """
    return run_apart_if_edited(
        job, lambda job_or_copy: pipeline.record(job_or_copy, baseline, stages)
    )


def observe(job: Job, baseline: Recording, stages: Stages = STAGES) -> Observation:
    """Observe the flow as `pipeline.observe` does.

    It runs again, in separate environments, if shared ones were edited meanwhile.
    """
    return run_apart_if_edited(
        job, lambda job_or_copy: pipeline.observe(job_or_copy, baseline, stages)
    )


def run_apart_if_edited(job: Job, run: Callable[[Job], Observation]) -> Observation:
    """Return the result of `run`, made in separate environments if shared ones were edited.

    That is a second run: in the first, files were edited while others used the same environments.
    """
    try:
        observation, error = run(job), None
    except FlowReproError as caught:
        observation, error = None, caught
    shared_with = _others_in_edited(job)
    if shared_with:
        again = run(_apart(job))
        note = (
            f"{job.title} ran again in a separate environment: {truncate_list(list(shared_with))} "
            "used the same one at the same time, and installed files were changed there"
        )
        return replace(again, notes=(*again.notes, note))
    if error is not None:
        raise error
    assert observation is not None
    return observation


def _others_in_edited(job: Job) -> tuple[str, ...]:
    """Return the titles of the jobs that used an edited environment at the same time."""
    key = str(job.folder)
    titles: dict[str, None] = {}
    for place in used_by(job.environments, key=key):
        end_use(place, key=key)
        using = others_meanwhile(place, key=key)
        if using and edited_files(place):
            titles |= dict.fromkeys(using)
    return tuple(titles)


def _apart(job: Job) -> Job:
    environments = job.folder / "environments"
    after = (
        replace(upstream, job=replace(upstream.job, environments=environments))
        for upstream in job.after
    )
    return replace(job, environments=environments, after=tuple(after))
