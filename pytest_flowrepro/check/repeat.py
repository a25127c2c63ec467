"""One rerun of a prepared flow, and what was read back from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.capture import capture
from pytest_flowrepro.errors import CaptureError, RerunError
from pytest_flowrepro.model import Capture, Run, Task
from pytest_flowrepro.package import extract_package
from pytest_flowrepro.rerun import Place, flow_environment, rerun_flow, start_hint

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.check.job import Clock, Job
    from pytest_flowrepro.check.prepare import Prepared

_CAPTURE_TIMEOUT = 300.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rerun:
    run: Run
    captured: Capture
    seed: int

    @property
    def failure(self) -> str | None:
        """How the run ended, in words, when it did not end well."""
        if self.run.ok:
            return None
        return ending(self.run) + (f" under hash seed {self.seed}" if self.seed else "")

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All that can differ: parameters are compared as the artifacts of a task before start."""
        before = Task(step="_parameters", index=(), artifacts=self.captured.parameters)
        return (before, *self.captured.tasks)


def repeat(job: Job, prepared: Prepared, clock: Clock, *, seed: int, name: str) -> Rerun:
    """Run the flow in a copy of its package of its own, and read its artifacts back.

    `name` is that of the run's folder. A flow that fails gives a `Rerun` that says so; one that
    never starts raises `RerunError`.
    """
    place = Place(root=job.folder / name).create()
    flow_file = extract_package(prepared.package, place.copy)
    with clock.stage("rerun", f"running ({name} run)"):
        run = rerun_flow(
            job.flow.name,
            flow_file,
            built=prepared.built,
            place=place,
            parameters=job.settings.parameters,
            hash_seed=seed,
            timeout=job.settings.timeout,
        )
    if run.run_id is None:
        raise RerunError(
            f"{job.flow.file}: {job.title} did not start: {ending(run)}",
            hint=start_hint(run),
            detail=run.output[-4000:],
        )
    with clock.stage("capture", "reading artifacts"):
        captured = _capture(job, prepared, run, place, flow_file)
    return Rerun(run=run, captured=captured, seed=seed)


def ending(run: Run) -> str:
    """How a run ended, in words."""
    if run.timed_out:
        return f"stopped after {run.seconds:.0f} s"
    return f"exit code {run.returncode}"


def _capture(job: Job, prepared: Prepared, run: Run, place: Place, flow_file: Path) -> Capture:
    built = prepared.built
    try:
        return capture(
            run,
            python=built.python,
            flow_file=flow_file,
            cwd=flow_file.parent,
            env=flow_environment(job.flow.name, place=place, built=built, hash_seed=0),
            workspace=place.root,
            steps=tuple(step.name for step in prepared.steps),
            timeout=_CAPTURE_TIMEOUT,
        )
    except CaptureError:
        if run.ok:
            raise
        # What the run itself said about its failure matters more than what it left behind.
        return Capture(parameters=(), tasks=(), logs=())
