"""Redaction of the values that are passed through to a flow, in all output of its reruns."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.settings.variables import PassedThrough
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.pipeline.job import Job, Observation


def redaction_of(job: Job) -> Redaction:
    """Return the redaction of the flow and of the flows that run before it."""
    values = {}
    for flow_job in (*(upstream.job for upstream in job.after), job):
        for name, value in flow_job.settings.env.items():
            if isinstance(value, PassedThrough) and name in os.environ:
                values[name] = os.environ[name]
    return Redaction(values)


@contextmanager
def hiding_in_errors(job: Job) -> Iterator[None]:
    redaction = redaction_of(job)
    try:
        yield
    except FlowReproError as error:
        shown = {name: redaction.text(getattr(error, name)) for name in ("what", "hint", "detail")}
        if shown == {name: getattr(error, name) for name in shown}:
            raise
        raise type(error)(shown["what"], hint=shown["hint"], detail=shown["detail"]) from None


def hide_in_observation(observation: Observation, job: Job) -> Observation:
    """Redact the sentences of an observation: file names and other names may contain a value."""
    hide = redaction_of(job).text
    return replace(
        observation,
        output=hide(observation.output),
        failure=observation.failure and hide(observation.failure),
        notes=tuple(map(hide, observation.notes)),
        ended=tuple(map(hide, observation.ended)),
        details=tuple(map(hide, observation.details)),
    )
