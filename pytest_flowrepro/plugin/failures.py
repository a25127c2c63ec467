"""The explanation of a flow that did not run to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.advice.advice import step_advice
from pytest_flowrepro.plugin.step_output import own_traceback, tail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.model import Recording, TaskLog
    from pytest_flowrepro.pipeline import Job, Observation

_PROCESSES = 10
"""Maximum number of shown processes that were ended with a flow that hung."""

# metaflow/runtime.py `Worker.clean`: another task failed, and this one was stopped for it.
_STOPPED = "[KILLED BY ORCHESTRATOR]"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFailure:
    reached: bool
    """False if an earlier step failed and this one never ran."""
    what: str
    """A line that says how the step ended."""
    detail: str
    """The end of its output and advice; may be empty."""

    @property
    def text(self) -> str:
        return "\n".join(filter(None, (self.what, self.detail)))


def step_failure(
    observation: Observation, step: str, job: Job, baseline: Recording | None = None
) -> StepFailure | None:
    """Return why a step cannot be compared; None if all its tasks in `baseline` succeeded."""
    if observation.failure is None:
        return None
    unfinished = [log for log in observation.logs if not log.ok]
    failed = [log for log in unfinished if _STOPPED not in log.stderr] or unfinished
    own_log = next((log for log in failed if _answers_for(step, log, job)), None)
    if own_log is not None:
        return _own_failure(observation, own_log, job)
    begun = {log.index for log in observation.logs if log.step == step}
    expected = {task.index for task in baseline.tasks if task.step == step} if baseline else begun
    stopped = any(log.step == step for log in unfinished) or not expected <= begun
    if failed and begun and not stopped:
        return None
    if failed:
        names = ", ".join(dict.fromkeys(log.step for log in failed))
        ending = "stopped" if begun else "not reached"
        return StepFailure(reached=False, what=f"{ending}: step {names} failed", detail="")
    return StepFailure(
        reached=False,
        what=f"{job.title} ended with {observation.failure}",
        detail="\n".join(["", tail(observation.output), *_ended(observation)]),
    )


def reporting_step(
    observation: Observation, steps: Iterable[str], job: Job, baseline: Recording | None = None
) -> str | None:
    """Return the one of `steps` whose test fails for a rerun that failed.

    That is the first one that failed itself, else the first that was not reached. None if all of
    them can be compared.
    """
    failures = [(step, step_failure(observation, step, job, baseline)) for step in steps]
    failed = [(step, failure) for step, failure in failures if failure is not None]
    own = (step for step, failure in failed if failure.reached)
    return next(own, failed[0][0] if failed else None)


def _answers_for(step: str, log: TaskLog, job: Job) -> bool:
    """Return whether the test of `step` reports this task.

    The first step that has a test also reports the tasks of steps that the source does not show.
    """
    steps = job.flow.steps
    return log.step == step or (log.step not in steps and step == steps[0])


def log_of(logs: Iterable[TaskLog], step: str, stream: str) -> str:
    """Return the output of a step's tasks; if there are several, each below its index."""
    own_logs = [log for log in logs if log.step == step and getattr(log, stream)]
    if len(own_logs) == 1:
        return str(getattr(own_logs[0], stream))
    return "".join(f"{list(log.index)}\n{getattr(log, stream)}" for log in own_logs)


def _own_failure(observation: Observation, log: TaskLog, job: Job) -> StepFailure:
    stderr = log.stderr or _lines_about(observation.output, log.step)
    situation = job.situation(declared_by=_declared_by(observation, log))
    parts = ["", tail(own_traceback(stderr, job.folder)), *_ended(observation)]
    what_to_do = step_advice(stderr, situation, timed_out=observation.timed_out, signal=log.signal)
    if what_to_do:
        parts += ["", f"What to do: {what_to_do}"]
    return StepFailure(
        reached=True,
        what=f"step {log.title} of {job.title} failed ({observation.failure})",
        detail="\n".join(parts),
    )


def _declared_by(observation: Observation, log: TaskLog) -> str | None:
    """Return the declaration of the packages of a step with its own environment, else None."""
    environments = observation.recording.environments
    has_own_environment = any(log.step in environment.steps for environment in environments)
    return "its own decorator (`@pypi(packages=...)` or `@conda`)" if has_own_environment else None


def _ended(observation: Observation) -> list[str]:
    """Return lines that list the processes that ran when the flow was stopped."""
    lines = [f"    {command}" for command in dict.fromkeys(observation.ended)]
    if len(lines) > _PROCESSES:
        lines[_PROCESSES:] = [f"    and {len(lines) - _PROCESSES} more"]
    return ["", "Running when it was stopped, and ended:", *lines] if lines else []


def _lines_about(output: str, step: str) -> str:
    """Return the runtime's output about a step: a task that was killed left no log."""
    return "\n".join(line for line in output.splitlines() if f"/{step}/" in line)
