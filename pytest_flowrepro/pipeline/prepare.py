"""The input of every rerun of a flow: its environment, its graph and its code package."""

from __future__ import annotations

import glob
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.advice.advice import parameter_hint
from pytest_flowrepro.capture.baseline_values import NOTHING_KNOWN, Known
from pytest_flowrepro.environment import end_use, place_bytecode, used_by
from pytest_flowrepro.environment.steps import step_environments
from pytest_flowrepro.model import FlowEnvironments, FlowProcess, NamedFile
from pytest_flowrepro.package.code_package import default_suffixes, package_flow
from pytest_flowrepro.package.local_metadata import write_metadata
from pytest_flowrepro.pipeline.encoders import encoder_file
from pytest_flowrepro.pipeline.environments import (
    lock_base,
    lock_steps,
    notes_of,
    recorded_lock,
    recorded_lock_of_steps,
)
from pytest_flowrepro.pipeline.images import with_images
from pytest_flowrepro.pipeline.job import Clock
from pytest_flowrepro.pipeline.kept_lock import lock_notes
from pytest_flowrepro.pipeline.locked_environment import build_locked
from pytest_flowrepro.pipeline.stages import STAGES, Stages
from pytest_flowrepro.pipeline.start import start_of
from pytest_flowrepro.rerun.numeric_pins import pins
from pytest_flowrepro.rerun.rerun import Place, config_arguments, flow_environment
from pytest_flowrepro.support.errors import SettingsError
from pytest_flowrepro.support.hardware import read_hardware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_flowrepro.environment.steps import StepEnvironment
    from pytest_flowrepro.model import (
        BuiltEnvironment,
        CodePackage,
        Environment,
        FlowDescription,
        LocalPackage,
        Recording,
        Step,
    )
    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.pipeline.locked_environment import LockedEnvironment
    from pytest_flowrepro.pipeline.start import Start


@dataclass(frozen=True, kw_only=True, slots=True)
class Environments:
    """The environments of a flow, known without a rerun."""

    manifests: tuple[Environment, ...]
    notes: tuple[str, ...] = ()
    """Notes about them for the report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """The input of every rerun of one job."""

    job: Job
    start: Start
    environments: FlowEnvironments
    steps: tuple[Step, ...]
    """The steps as Metaflow sees them, in topological order."""
    package: CodePackage
    described: bool = True
    """True if Metaflow described the steps; else they are the baseline's, and the rerun
    confirms it."""
    notes: tuple[str, ...] = ()
    """Notes about the environments for the report."""
    known: Known = NOTHING_KNOWN
    """The values that a check compares with."""
    tasks: int | None = None
    """The number of tasks in the baseline."""
    after: tuple[Prepared, ...] = ()
    """The flows that run before this one."""


def environments(job: Job, baseline: Recording, stages: Stages = STAGES) -> Environments:
    """Return the environments of the baseline's locks on this machine, without a rerun.

    They are those of the rerun, if this process has prepared it.
    """
    compared, known = _of_reruns.get(job.folder, (None, None))
    if known is not None and compared is baseline:
        return known
    with _apart(job) as apart:
        return _environments_of(prepare_again(apart, Clock(apart), stages, baseline=baseline))


@contextmanager
def _apart(job: Job) -> Iterator[Job]:
    """Give a job with a folder of its own, for a test without a rerun.

    Another worker may prepare the rerun of the same flow at the same time. Afterwards the job does
    not use its environments, so flows that run there later do not share them with it.
    """
    apart = replace(job, folder=job.folder / "environment")
    try:
        yield apart
    finally:
        key = str(apart.folder)
        for place in used_by(apart.environments, key=key):
            end_use(place, key=key)


_of_reruns: dict[Path, tuple[Recording, Environments]] = {}
"""The environments that reruns were prepared in, and the baselines, by the folders of the jobs."""


def _environments_of(prepared: Prepared) -> Environments:
    return Environments(manifests=prepared.environments.manifests, notes=prepared.notes)


def steps_of_today(
    job: Job, stages: Stages, baseline: Recording, local_packages: tuple[LocalPackage, ...]
) -> tuple[Step, ...]:
    """Return the steps of the current code, to find their requirements without a rerun.

    They are those of the baseline if it is up to date; else Metaflow describes them, in an
    environment of the flow's requirements today. `local_packages` are the project's among these.
    """
    with _apart(job) as apart:
        if _recorded_package(apart, start_of(apart), local_packages, baseline):
            return baseline.steps
        clock = Clock(apart)
        locked = lock_base(apart, clock, stages, baseline=baseline)
        return prepare(apart, _build(apart, clock, stages, locked), clock, stages).steps


def prepare(job: Job, built: BuiltEnvironment, clock: Clock, stages: Stages) -> Prepared:
    start = start_of(job)
    description = _description(job, start, built, clock, stages)
    _check_parameters(job, description)
    with clock.stage("package", "packaging"):
        package = _package(job, start, built.local, _named_files(job, start, description))
    return Prepared(
        job=job,
        start=start,
        environments=FlowEnvironments(base=built),
        steps=with_images(description.steps, job.settings.env),
        package=package,
    )


_descriptions: dict[tuple[Path, Path, str, Path], FlowDescription] = {}
"""Metaflow's descriptions, by session, file, title and environment. They are kept in memory: a
flow could write to any file."""


def _description(
    job: Job, start: Start, built: BuiltEnvironment, clock: Clock, stages: Stages
) -> FlowDescription:
    """Return Metaflow's description of the flow, made once per session and environment.

    Another part of the flow would get the same one.
    """
    if job.temporary is None:
        return _ask_metaflow(job, start, built, clock, stages)
    key = (job.temporary, job.flow.file, job.title, built.path)
    if key not in _descriptions:
        _descriptions[key] = _ask_metaflow(job, start, built, clock, stages)
    return _descriptions[key]


def _ask_metaflow(
    job: Job, start: Start, built: BuiltEnvironment, clock: Clock, stages: Stages
) -> FlowDescription:
    place = Place(root=job.folder / "describe", temporary=job.temporary, project=job.root).create()
    place_bytecode([built], place.bytecode)
    write_metadata(place.metadata, built.local)
    process = FlowProcess(
        flow=job.flow,
        python=built.python,
        cwd=start.cwd,
        env=flow_environment(
            job.flow,
            place,
            FlowEnvironments(base=built),
            configured=start.env,
            pins=pins(job.settings.numeric, read_hardware(), base=built.numerics),
        ),
        timeout=job.settings.timeout,
        redaction=start.redaction,
    )
    with clock.stage("describe", "asking Metaflow"):
        options = config_arguments(job.settings.configs)
        return stages.describe(process, job.situation(in_copy=False), place.root, options)


def _check_parameters(job: Job, description: FlowDescription) -> None:
    configured = job.settings.parameters
    missing = [
        parameter.name
        for parameter in description.parameters
        if parameter.required and parameter.name not in configured
    ]
    missing = [name for name in missing if name not in job.settings.configs]
    if missing:
        raise SettingsError(
            f"{job.flow.file}: {job.title} cannot start without its required "
            f"{'parameter' if len(missing) == 1 else 'parameters'} {', '.join(missing)}",
            hint=parameter_hint(job.flow.name, *missing),
        )


def with_upstreams(prepared: Prepared, clock: Clock, stages: Stages) -> Prepared:
    """Return `prepared` with the flows that run before it.

    A recording runs them in their recorded environments, as every check does.
    """
    after = []
    recording = prepared.job.recording
    for upstream in prepared.job.after:
        baseline = upstream.baseline
        job = replace(
            upstream.job,
            fresh=upstream.job.fresh and not recording,
            recording=recording and baseline is None,
        )
        if baseline is None or job.fresh:
            after.append(prepare_anew(job, clock, stages, baseline=baseline))
        else:
            after.append(prepare_again(job, clock, stages, baseline=baseline))
    return replace(prepared, after=tuple(after))


def prepare_anew(job: Job, clock: Clock, stages: Stages, *, baseline: Recording | None) -> Prepared:
    """Prepare the reruns of a recording, or of a check in a resolution of today.

    A recording keeps those locks of the `baseline` whose declaration is the same today. A check
    takes only the interpreter from it.
    """
    locked = lock_base(job, clock, stages, baseline=baseline)
    prepared = prepare(job, _build(job, clock, stages, locked), clock, stages)
    base = prepared.environments.base.manifest

    def lock(step_environment: StepEnvironment) -> LockedEnvironment:
        return lock_steps(step_environment, clock, stages, job=job, base=base, baseline=baseline)

    return _with_step_environments(prepared, locked, clock, stages, lock=lock)


def prepare_again(job: Job, clock: Clock, stages: Stages, *, baseline: Recording) -> Prepared:
    """Prepare a rerun for a comparison with `baseline`, from its locks."""
    with clock.stage("environment", "rebuilding the environment"):
        locked = recorded_lock(job, stages, baseline)
        built = build_locked(job, stages, locked)
    prepared = _as_recorded(job, built, baseline, clock) or prepare(job, built, clock, stages)

    def lock(step_environment: StepEnvironment) -> LockedEnvironment:
        return recorded_lock_of_steps(
            step_environment, stages, base=built.manifest, baseline=baseline
        )

    prepared = _with_step_environments(prepared, locked, clock, stages, lock=lock)
    _of_reruns[job.folder] = baseline, _environments_of(prepared)
    return prepared


def _with_step_environments(
    prepared: Prepared,
    locked_base: LockedEnvironment,
    clock: Clock,
    stages: Stages,
    *,
    lock: Callable[[StepEnvironment], LockedEnvironment],
) -> Prepared:
    """Return `prepared` with the environments of its steps, and with notes about all."""
    job, base = prepared.job, prepared.environments.base
    choices = [(locked_base.name, locked_base.choice)]
    of_steps = []
    notes = [*base.notes]
    for step_environment in step_environments(
        prepared.steps, base=base.manifest, conda_from_pypi=job.settings.conda_from_pypi
    ):
        locked = lock(step_environment)
        built = _build(job, clock, stages, locked, base)
        choices.append((locked.name, locked.choice))
        of_steps.append(built)
        notes += (*notes_of(step_environment, built), *built.notes)
    environments = FlowEnvironments(base=base, of_steps=tuple(of_steps))
    return replace(prepared, environments=environments, notes=(*lock_notes(choices), *notes))


def _build(
    job: Job,
    clock: Clock,
    stages: Stages,
    locked: LockedEnvironment,
    base: BuiltEnvironment | None = None,
) -> BuiltEnvironment:
    of_steps = f" of {', '.join(locked.steps)}" if locked.steps else ""
    with clock.stage("environment", f"building the environment{of_steps}"):
        return build_locked(job, stages, locked, base)


def _as_recorded(
    job: Job, built: BuiltEnvironment, baseline: Recording, clock: Clock
) -> Prepared | None:
    """Prepare from the baseline alone, as describing the flow takes as long as a step.

    Metaflow's description is the same for the same code in the same environment. None if either
    differs, or if only Metaflow can list the flow's files (there may be new ones).
    """
    if built.manifest not in baseline.environments:
        return None
    start = start_of(job)
    with clock.stage("package", "packaging"):
        package = _recorded_package(job, start, built.local, baseline)
    if package is None:
        return None
    return Prepared(
        job=job,
        start=start,
        environments=FlowEnvironments(base=built),
        steps=baseline.steps,
        package=package,
        described=False,
    )


def _recorded_package(
    job: Job, start: Start, local_packages: tuple[LocalPackage, ...], baseline: Recording
) -> CodePackage | None:
    """Return the code package if it is the recorded one and determines the recorded steps.

    It does not if the graph depends on configs or variables, which the baseline does not record. A
    merged baseline may have the steps of one recording and the code of another.
    """
    if baseline.merged or job.settings.configs or job.settings.env:
        return None
    package = _package(job, start, local_packages, ())
    return package if package.files == baseline.code else None


def _named_files(job: Job, start: Start, description: FlowDescription) -> tuple[NamedFile, ...]:
    """Return the files that the flow names, except defaults that the configuration overrides."""
    configured = {*job.settings.parameters, *job.settings.configs}
    overridden = {
        Path(os.path.normpath(start.cwd / parameter.default))
        for parameter in description.parameters
        if parameter.default is not None and parameter.name in configured
    }
    return tuple(file for file in description.files if file.source not in overridden)


def _given_files(job: Job, start: Start) -> tuple[NamedFile, ...]:
    """Return files of the project that the configuration names.

    They are values of parameters and configs, and the encoders of artifacts.
    """
    values = (*job.settings.parameters.values(), *job.settings.configs.values())
    paths = (
        Path(os.path.normpath(start.cwd / value)) for value in values if isinstance(value, str)
    )
    files = [path for path in paths if path.is_relative_to(job.root) and path.is_file()]
    encoders = encoder_file(job)
    return tuple(NamedFile(source=path) for path in (*files, *([encoders] if encoders else [])))


def _package(
    job: Job,
    start: Start,
    local_packages: tuple[LocalPackage, ...],
    named_files: tuple[NamedFile, ...],
) -> CodePackage:
    """Package the flow, with the modules of the `local_packages` that it depends on."""
    job.folder.mkdir(parents=True, exist_ok=True)
    folder = job.flow.file.parent
    modules = (module for package in local_packages for module in package.modules)
    local = (glob.escape(os.path.relpath(job.root / module, folder)) for module in modules)
    return package_flow(
        job.flow,
        root=job.root,
        named_files=(*named_files, *_given_files(job, start)),
        include=(*job.settings.include, *local),
        suffixes=default_suffixes(os.environ),
        destination=job.folder / "code.tar",
    )
