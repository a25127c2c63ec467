"""One rerun of a prepared flow, and the values read from its datastore."""

from __future__ import annotations

import glob
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from pytest_flowrepro.advice.advice import advise
from pytest_flowrepro.capture.baseline_values import NOTHING_KNOWN, Known
from pytest_flowrepro.capture.capture import Reading
from pytest_flowrepro.describe.describe import GRAPH, read_graph
from pytest_flowrepro.diff.determinism import USUAL, Attempt, Conditions
from pytest_flowrepro.environment import learn_modules, place_bytecode
from pytest_flowrepro.model import PARAMETERS, Capture, FlowProcess, Run, Task
from pytest_flowrepro.package.checkout import place_checkout
from pytest_flowrepro.package.code_package import extract_package
from pytest_flowrepro.package.local_metadata import write_metadata
from pytest_flowrepro.pipeline.encoders import encoder_file, encoder_notes
from pytest_flowrepro.pipeline.images import with_images
from pytest_flowrepro.pipeline.machine import pins_of
from pytest_flowrepro.pipeline.notes import compared_by_bytes
from pytest_flowrepro.pipeline.project_tree import ProjectTree
from pytest_flowrepro.rerun.leftovers import file_states, left_behind
from pytest_flowrepro.rerun.rerun import Place, RunOptions, flow_environment
from pytest_flowrepro.rerun.run_records import check_read, check_records
from pytest_flowrepro.support.cpus import processors
from pytest_flowrepro.support.errors import BaselineError, CaptureError, RerunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_flowrepro.pipeline.job import Clock, Job
    from pytest_flowrepro.pipeline.prepare import Prepared
    from pytest_flowrepro.pipeline.stages import Stages

_CAPTURE_TIMEOUT = 300.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rerun:
    run: Run
    captured: Capture
    conditions: Conditions
    left_behind: tuple[str, ...]
    """Sentences about the files that the flow wrote into its working directory."""
    copy: _Copy
    notes: tuple[str, ...] = ()

    @property
    def failure(self) -> str | None:
        """Return how the run ended, if it failed."""
        if self.run.ok:
            return None
        seed = f" under hash seed {self.conditions.seed}" if self.conditions.seed else ""
        machine = ", as on another machine" if self.conditions.factors else ""
        return f"{self.run.ending}{seed}{machine}"

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Return all tasks to compare: parameters are the artifacts of a task before start."""
        before = Task(step=PARAMETERS, index=(), artifacts=self.captured.parameters)
        return (before, *self.captured.tasks)

    @property
    def attempt(self) -> Attempt:
        drawn = {(log.step, log.index): log.drawn for log in self.captured.logs if log.drawn}
        return Attempt(conditions=self.conditions, tasks=self.tasks, drawn=drawn)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Copy:
    """A prepared flow, unpacked for a run."""

    prepared: Prepared
    place: Place
    process: FlowProcess

    def reading(self, *, limit: int, known: Known, whole: tuple[str, ...] = ()) -> Reading:
        """Return a request to read each step's artifacts by the interpreter that wrote them."""
        prepared = self.prepared
        encoders = encoder_file(prepared.job)
        return Reading(
            process=self.process,
            datastore=self.place.datastore,
            observed=self.place.observed,
            pythons=prepared.environments.pythons,
            workspace=self.place.root,
            steps=tuple(step.name for step in prepared.steps),
            timeout=_CAPTURE_TIMEOUT,
            encoders=encoders and self.place.copy / encoders.relative_to(prepared.package.root),
            limit=limit,
            cards=prepared.job.cards,
            whole=(*prepared.job.settings.patterns.artifacts(), *whole),
            known=known,
            is_ignored=prepared.job.settings.patterns.ignores,
        )

    def run(self, stages: Stages, then: Sequence[Path] = ()) -> Run:
        settings = self.prepared.job.settings
        options = RunOptions(
            max_workers=settings.max_workers or processors(),
            configs=settings.configs,
            parameters=settings.parameters,
            warm=settings.warm,
        )
        return stages.rerun(self.process, self.place, options, then)


def repeat(
    prepared: Prepared,
    clock: Clock,
    stages: Stages,
    *,
    name: str,
    conditions: Conditions = USUAL,
    limit: int = 0,
) -> Rerun:
    """Run the flow in a new copy of its package, and read its artifacts.

    The flows whose runs it reads are run before it, each in its own copy, on the same datastore.
    `name` is that of the run's folder, `limit` the size in bytes up to which a full value is kept.
    A flow that fails returns a `Rerun` with its failure; one that never starts, or fails before
    this one, raises `RerunError`.
    """
    job = prepared.job
    place = Place(root=job.folder / name, temporary=job.temporary).create()
    copy = _unpacked(prepared, place, conditions)
    tree = ProjectTree.look(job.root)
    for before in prepared.after:
        _run_before(before, prepared, place, clock, stages, conditions)
    states = file_states(place.copy)
    reading = copy.reading(limit=limit, known=prepared.known)
    with clock.stage(
        "rerun", f"running ({name} run)", observed=place.observed, tasks=prepared.tasks
    ):
        # A fork has the hash seed of the flow, but values are read under that of every check.
        run = copy.run(stages, () if conditions.seed else reading.ahead(place.run_id))
    _check_started(prepared, run)
    _check_graph(prepared, run)
    with clock.stage("capture", "reading artifacts"):
        if run.ok:
            check_records(run, ends=_ends(prepared))
        captured = _captured(run, reading, stages)
        if run.ok:
            check_read(run, captured)
    learn_modules(prepared.environments.all, place.bytecode)
    rerun = Rerun(
        run=run,
        captured=captured,
        conditions=conditions,
        left_behind=(
            *left_behind(place.copy, states, captured.logs),
            *(
                f"the flow left a process running, which was ended: {process}"
                for process in run.ended
            ),
        ),
        copy=copy,
    )
    unseen = compared_by_bytes(rerun.tasks, prepared.job.settings.patterns)
    notes = (*encoder_notes(captured, ended_well=run.ok), *unseen, *tree.changes(captured.logs))
    return replace(rerun, notes=notes)


def read_whole(rerun: Rerun, artifacts: Iterable[tuple[str, str]], stages: Stages) -> Attempt:
    """Return the attempt of a rerun with the full values of some artifacts (step and name)."""
    whole = tuple(glob.escape(f"{step}.{name}") for step, name in artifacts)
    reading = rerun.copy.reading(limit=0, known=NOTHING_KNOWN, whole=whole)
    captured = _captured(rerun.run, reading, stages)
    return replace(rerun, captured=captured).attempt


def _unpacked(prepared: Prepared, place: Place, conditions: Conditions) -> _Copy:
    job, start, environments = prepared.job, prepared.start, prepared.environments
    flow_file = extract_package(prepared.package, place.copy)
    place_bytecode(environments.all, place.bytecode)
    write_metadata(place.metadata, environments.base.local)
    place_checkout(place.copy, flow_file=job.flow.file, root=prepared.package.root)
    cwd = place.copy / start.cwd.relative_to(prepared.package.root)
    cwd.mkdir(parents=True, exist_ok=True)  # a folder without files of the package
    flow = replace(job.flow, file=flow_file)
    env = flow_environment(
        flow,
        place,
        environments,
        hash_seed=conditions.seed,
        configured=start.env,
        pins=pins_of(prepared, conditions),
    )
    process = FlowProcess(
        flow=flow,
        python=environments.base.python,
        cwd=cwd,
        env={**env, "FLOWREPRO_PROJECT": str(job.root)},
        timeout=job.settings.timeout,
        redaction=start.redaction,
    )
    return _Copy(prepared=prepared, place=place, process=process)


def _run_before(
    before: Prepared,
    prepared: Prepared,
    place: Place,
    clock: Clock,
    stages: Stages,
    conditions: Conditions,
) -> None:
    name = before.job.title
    own_place = Place(
        root=place.root / "before" / name, state=place.root, temporary=place.temporary
    ).create()
    copy = _unpacked(before, own_place, conditions)
    with clock.stage("rerun", f"running {name} before it"):
        run = copy.run(stages)
    _check_started(before, run)
    _check_graph(before, run)
    if not run.ok:
        raise RerunError(
            f"{prepared.job.title} depends on {name}, which failed: {run.ending}",
            hint=f"fix {name}: `pytest --flow-repro {before.job.flow.file}` checks it by itself",
            detail=run.output[-4000:],
        )
    check_records(run, ends=_ends(before))


def _ends(prepared: Prepared) -> tuple[str, ...]:
    """Return the last steps of the graph; in a flow of one step that is also the first."""
    return tuple(step.name for step in prepared.steps if not step.next)


def _check_started(prepared: Prepared, run: Run) -> None:
    job = prepared.job
    if run.run_id is None:
        raise RerunError(
            f"{job.flow.file}: {job.title} did not start: {run.ending}",
            hint=_start_hint(job, run),
            detail=run.output[-4000:],
        )


def _check_graph(prepared: Prepared, run: Run) -> None:
    """Raise `BaselineError` if steps taken from the baseline are not those of the code."""
    if prepared.described:
        return
    job = prepared.job
    steps = with_images(read_graph(run.observed / GRAPH, job.flow), job.settings.env)
    for recorded, today in zip_longest(prepared.steps, steps):
        step = today or recorded
        if recorded != today and step is not None:
            raise BaselineError(
                f"The baseline of {job.title} records step {step.name} otherwise than its "
                "code files define",
                hint="restore the baseline from git, or record the flow again with "
                "--flow-repro-update",
            )


def _start_hint(job: Job, run: Run) -> str:
    advice = advise(run.output, job.situation())
    return advice.hint if advice else "run `python FILE run` and fix the error that it reports"


def _captured(run: Run, reading: Reading, stages: Stages) -> Capture:
    try:
        return stages.capture(run, reading)
    except CaptureError:
        if run.ok:
            raise
        # The output of a failed run explains it better than an error about its values.
        return Capture(parameters=(), tasks=(), logs=())
