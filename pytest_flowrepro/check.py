"""The pipeline, and the only module that composes its stages.

record = write(observe(flow))
check  = diff(read(baseline), observe(flow))
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pytest_flowrepro.capture import capture
from pytest_flowrepro.describe import describe_flow
from pytest_flowrepro.determinism import differing, with_determinism
from pytest_flowrepro.environment import find_interpreter, shared_environment, system_of
from pytest_flowrepro.errors import BaselineError, CaptureError, RerunError
from pytest_flowrepro.lock import find_requirements, resolver
from pytest_flowrepro.model import (
    BuiltEnvironment,
    Capture,
    CodePackage,
    FlowSource,
    Lock,
    Recording,
    Requirements,
    Run,
    Step,
    Task,
    TaskLog,
)
from pytest_flowrepro.package import default_suffixes, extract_package, package_flow
from pytest_flowrepro.rerun import Place, flow_environment, rerun_flow, start_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.settings import FlowSettings

BASE = "base"
"""The name of the environment that a flow's own requirements give."""

RESOLVE_TIMEOUT = 300.0
BUILD_TIMEOUT = 900.0
CAPTURE_TIMEOUT = 300.0
"""Seconds; a hang ends in a sentence, and nothing here may take longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One case of one flow, and where to observe it."""

    flow: FlowSource
    case: str | None
    settings: FlowSettings
    root: Path
    """The project."""
    folder: Path
    """Of the session, for this job alone; created by the pipeline."""
    environments: Path
    """Of the session, shared by all its jobs."""
    installer: Literal["uv", "pip-tools"] = "uv"
    as_of: date | None = None
    progress: Callable[[str], None] = lambda _: None

    @property
    def title(self) -> str:
        return f"{self.flow.name}[{self.case}]" if self.case else self.flow.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What one job's reruns gave, whether or not the flow came to its end."""

    recording: Recording
    logs: tuple[TaskLog, ...]
    failure: str | None
    """How the flow ended when it did not end well: `exit code 1`, `stopped after 600 s`."""
    output: str
    """Metaflow's own words, for a failure."""
    seconds: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Clock:
    """Tells each stage as it begins, and keeps how long it took."""

    job: Job
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, doing: str) -> Iterator[None]:
        self.job.progress(f"{self.job.title}: {doing}")
        started = time.monotonic()
        try:
            yield
        finally:
            spent = self.seconds.get(name, 0.0) + time.monotonic() - started
            self.seconds[name] = round(spent, 3)

    def read(self) -> tuple[tuple[str, float], ...]:
        return tuple(self.seconds.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Prepared:
    """What every rerun of one job starts from."""

    built: BuiltEnvironment
    steps: tuple[Step, ...]
    """As Metaflow sees them, in topological order."""
    package: CodePackage


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rerun:
    run: Run
    captured: Capture

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All that can differ: parameters are compared as the artifacts of a task before start."""
        before = Task(step="_parameters", index=(), artifacts=self.captured.parameters)
        return (before, *self.captured.tasks)


def record(job: Job) -> Observation:
    """Resolve, rebuild and rerun; the observation is what a new baseline stores.

    The flow is rerun under hash seed 0, then under 1, and where artifacts differ once more under
    0: that tells what is nondeterministic from what only depends on the hash seed.
    """
    clock = _Clock(job)
    requirements = _requirements(job)
    with clock.stage("lock", f"resolving {requirements.source}"):
        resolve = resolver(job.installer).resolve
        python = find_interpreter(requirements.requires_python)
        job.folder.mkdir(parents=True, exist_ok=True)
        lock = resolve(
            requirements,
            python=python,
            workspace=job.folder,
            timeout=RESOLVE_TIMEOUT,
            as_of=job.as_of,
        )
    with clock.stage("environment", "building the environment"):
        built = _build(job, lock, requirements, python)
    prepared = _prepare(job, built, clock)
    first = _rerun(job, prepared, clock, seed=0, name="first")
    if not first.run.ok or job.settings.record_runs == 1:
        return _observation(job, prepared, first, clock, runs=1)
    second = _rerun(job, prepared, clock, seed=1, name="second")
    if not second.run.ok:
        return _observation(job, prepared, second, clock, runs=2)
    again = None
    if differing(first.tasks, second.tasks):
        again = _rerun(job, prepared, clock, seed=0, name="third")
        if not again.run.ok:
            return _observation(job, prepared, again, clock, runs=3)
    before, *tasks = with_determinism(first.tasks, second.tasks, again.tasks if again else None)
    marked = replace(first.captured, parameters=before.artifacts, tasks=tuple(tasks))
    return _observation(
        job, prepared, replace(first, captured=marked), clock, runs=job.settings.record_runs
    )


def observe(job: Job, baseline: Recording) -> Observation:
    """Rebuild from the baseline's lock and rerun once, under hash seed 0."""
    clock = _Clock(job)
    with clock.stage("environment", "rebuilding the environment"):
        built = rebuild(job, baseline)
    prepared = _as_recorded(job, built, baseline, clock) or _prepare(job, built, clock)
    return _observation(
        job, prepared, _rerun(job, prepared, clock, seed=0, name="check"), clock, runs=1
    )


def rebuild(job: Job, baseline: Recording) -> BuiltEnvironment:
    """The environment of the baseline's lock, on the interpreter that the baseline names."""
    recorded = next((env for env in baseline.environments if env.name == BASE), None)
    if recorded is None:
        raise BaselineError(
            f"the baseline of {job.title} has no environment `{BASE}`",
            hint="restore it from git, or record again with --flow-repro-update",
        )
    return _build(
        job, recorded.lock, _requirements(job), find_interpreter(recorded=recorded.python)
    )


def _requirements(job: Job) -> Requirements:
    return find_requirements(job.flow.file, root=job.root, setting=job.settings.requirements)


def _build(job: Job, lock: Lock, requirements: Requirements, python: Path) -> BuiltEnvironment:
    return shared_environment(
        lock,
        name=BASE,
        requirements=requirements.lines,
        python=python,
        folder=job.environments,
        installer=job.installer,
        timeout=BUILD_TIMEOUT,
    )


def _prepare(job: Job, built: BuiltEnvironment, clock: _Clock) -> _Prepared:
    place = Place(root=job.folder / "describe").create()
    with clock.stage("describe", "asking Metaflow"):
        description = describe_flow(
            job.flow,
            python=built.python,
            env=flow_environment(job.flow.name, place=place, built=built, hash_seed=0),
            cwd=job.flow.file.parent,
            workspace=place.root,
            timeout=job.settings.timeout,
        )
    with clock.stage("package", "packaging"):
        package = _package(job, description.files)
    return _Prepared(built=built, steps=description.steps, package=package)


def _as_recorded(
    job: Job, built: BuiltEnvironment, baseline: Recording, clock: _Clock
) -> _Prepared | None:
    """What the baseline knows already: of the same code in the same environment Metaflow says
    the same, and to ask it costs as much as a step. None where either differs.
    """
    if built.manifest not in baseline.environments:
        return None
    folder = job.flow.file.parent
    recorded = (folder / file.path for file in baseline.code)
    with clock.stage("package", "packaging"):
        package = _package(job, tuple(path for path in recorded if path.is_file()))
    if package.files != baseline.code:
        return None
    return _Prepared(built=built, steps=baseline.steps, package=package)


def _package(job: Job, named_files: tuple[Path, ...]) -> CodePackage:
    return package_flow(
        job.flow,
        root=job.root,
        named_files=named_files,
        include=job.settings.include,
        suffixes=default_suffixes(os.environ),
        destination=job.folder / "code.tar",
    )


def _rerun(job: Job, prepared: _Prepared, clock: _Clock, *, seed: int, name: str) -> _Rerun:
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
    return _Rerun(run=run, captured=captured)


def _capture(job: Job, prepared: _Prepared, run: Run, place: Place, flow_file: Path) -> Capture:
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
            timeout=CAPTURE_TIMEOUT,
        )
    except CaptureError:
        if run.ok:
            raise
        # What the run itself said about its failure matters more than what it left behind.
        return Capture(parameters=(), tasks=(), logs=())


def _observation(
    job: Job, prepared: _Prepared, rerun: _Rerun, clock: _Clock, *, runs: int
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
        failure=None if rerun.run.ok else ending(rerun.run),
        output=rerun.run.output,
        seconds=clock.read(),
        notes=_ran_here_instead(prepared.steps),
    )


def ending(run: Run) -> str:
    """How a run ended, in words."""
    if run.timed_out:
        return f"stopped after {run.seconds:.0f} s"
    return f"exit code {run.returncode}"


_REMOTE = frozenset({"batch", "kubernetes"})


def _ran_here_instead(steps: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(
        f"step {step.name} ran on this machine; the flow sends it elsewhere (@{decorator.name})"
        for step in steps
        for decorator in step.decorators
        if decorator.name in _REMOTE
    )
