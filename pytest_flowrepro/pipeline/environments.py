"""The environments of a flow and of its steps: declared today, or locked in the baseline; built."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from filelock import FileLock
from packaging.specifiers import SpecifierSet

from pytest_flowrepro.environment import (
    InstallRequest,
    Wheelhouse,
    begin_use,
    find_interpreter,
    shared_environment,
)
from pytest_flowrepro.environment.conda.build import (
    conda_environment,
    conda_with_pypi_environment,
)
from pytest_flowrepro.lock import (
    conda_from_pypi,
    find_requirements,
    read_python_version,
    resolver,
)
from pytest_flowrepro.lockfile.parse import parse_lock
from pytest_flowrepro.model import CondaLock, Interpreter, PypiLock
from pytest_flowrepro.pipeline.conda import (
    asked_by_flow,
    asked_of_conda,
    resolve_conda,
    resolve_with_conda,
    shown_requirements,
)
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_flowrepro.environment.steps import StepEnvironment
    from pytest_flowrepro.model import BuiltEnvironment, Environment, Lock, Recording, Requirements
    from pytest_flowrepro.pipeline.job import Clock, Job

BASE = "base"
"""The name of the environment of a flow's own requirements."""

_RESOLVE_TIMEOUT = 300.0
_BUILD_TIMEOUT = 900.0
"""Seconds after which a build that hangs is an error."""


def resolve_and_build(
    job: Job, clock: Clock, *, baseline: Recording | None = None
) -> BuiltEnvironment:
    """Lock the flow's requirements of today and build their environment.

    The interpreter is that of the baseline if there is one, unless another one is required.
    """
    requirements = declared(job)
    recorded = recorded_base(job, baseline) if baseline else None
    with clock.stage("lock", f"resolving {requirements.source}"):
        python = interpreter_today(job, requirements, recorded)
        lock = resolve(job, requirements, python)
    with clock.stage("environment", "building the environment"):
        return _build(job, lock, requirements, python, save_wheels=True)


def interpreter_today(
    job: Job, requirements: Requirements, recorded: Environment | None
) -> Path | None:
    """Return the interpreter of a `.python-version`, else the recorded one, else one that the
    requirements allow; None if it comes from conda.

    Raises `EnvironmentBuildError` if `.python-version` and requirements contradict each other.
    """
    if requirements.conda is not None:
        return None
    requires = requirements.requires_python
    asked = read_python_version(job.flow.file, root=job.root)
    if asked is not None:
        return find_interpreter(requires, asked=asked.wanted, asked_by=asked.file)
    allowed = SpecifierSet(requires or "")
    if recorded is not None and allowed.contains(recorded.python.version, prereleases=True):
        return find_interpreter(recorded=recorded.python)
    return find_interpreter(requires)


def rebuild(job: Job, baseline: Recording) -> BuiltEnvironment:
    """Return the environment of the baseline's lock, with the interpreter that the baseline
    names.
    """
    recorded = recorded_base(job, baseline)
    of_conda = isinstance(recorded.lock, CondaLock)
    python = None if of_conda else find_interpreter(recorded=recorded.python)
    return _build(job, recorded.lock, declared(job), python)


def recorded_base(job: Job, baseline: Recording) -> Environment:
    """Return the flow's own environment; raises `BaselineError` for a baseline without it."""
    for environment in baseline.environments:
        if environment.name == BASE:
            return environment
    raise BaselineError(
        f"The baseline of {job.title} has no environment `{BASE}`",
        hint="restore it from git, or record again with --flow-repro-update",
    )


def of_step(
    wanted: StepEnvironment,
    clock: Clock,
    *,
    job: Job,
    base: BuiltEnvironment,
    baseline: Recording | None,
) -> BuiltEnvironment:
    """Build the environment of steps that declare packages, from the baseline's lock if it exists.

    `base` is the flow's own environment.
    """
    recorded = _recorded(wanted, baseline) if baseline else None
    if recorded is None:
        with clock.stage("lock", f"resolving {wanted.requirements.source}"):
            lock = _lock_of_step(job, wanted, base.manifest)
    else:
        lock = recorded.lock
    with clock.stage("environment", f"building the environment of {', '.join(wanted.steps)}"):
        save = recorded is None
        match lock:
            case CondaLock():
                built = conda_environment(
                    lock,
                    asked_of_conda(job, wanted, base.manifest),
                    _request(job, wanted.requirements, name=wanted.name, save_wheels=save),
                    base=base,
                    folder=job.environments,
                )
                begin_use(built.path, key=str(job.folder), title=job.title)
            case PypiLock():
                python = interpreter_of_step(wanted, base.manifest, recorded)
                built = _build(
                    job, lock, wanted.requirements, python, name=wanted.name, save_wheels=save
                )
    return replace(built, manifest=replace(built.manifest, steps=wanted.steps))


def _lock_of_step(job: Job, wanted: StepEnvironment, base: Environment) -> Lock:
    if wanted.conda is not None:
        return resolve_conda(job, asked_of_conda(job, wanted, base))
    return resolve(job, wanted.requirements, interpreter_of_step(wanted, base, None))


def interpreter_of_step(
    wanted: StepEnvironment, base: Environment, recorded: Environment | None
) -> Path:
    if recorded is None and wanted.python is not None:
        return find_interpreter(asked=Interpreter("cpython", wanted.python))
    return find_interpreter(recorded=(recorded or base).python)


def _recorded(wanted: StepEnvironment, baseline: Recording) -> Environment:
    for environment in baseline.environments:
        if environment.name == wanted.name:
            _refuse_other_origin(wanted, environment)
            return environment
    raise BaselineError(
        f"{wanted.requirements.source} asks for packages of its own, and the baseline of "
        f"{baseline.flow} has no lock for them",
        hint="record again with --flow-repro-update",
    )


def _refuse_other_origin(wanted: StepEnvironment, recorded: Environment) -> None:
    then, now = (
        "conda" if conda else "PyPI"
        for conda in (isinstance(recorded.lock, CondaLock), wanted.conda is not None)
    )
    if then != now:
        raise BaselineError(
            f"{wanted.requirements.source} was recorded with packages from {then}, and takes them "
            f"from {now} today",
            hint="record again with --flow-repro-update, or set `conda` in pyproject.toml as it "
            "was then",
        )


def notes_of(wanted: StepEnvironment, built: BuiltEnvironment) -> Iterator[str]:
    steps = ", ".join(wanted.steps)
    python = built.manifest.python.version
    if wanted.python is not None and wanted.python != python:
        yield f"step {steps} asks for Python {wanted.python}, but ran under {python}"
    if wanted.from_conda:
        yield (
            f"step {steps} takes {', '.join(wanted.from_conda)} from conda; "
            "they were installed from PyPI instead, by name"
        )


def declared(job: Job) -> Requirements:
    """Return the requirements that the flow itself declares today."""
    found = find_requirements(
        job.flow.file,
        root=job.root,
        setting=job.settings.requirements,
        extras=job.settings.extras,
        groups=job.settings.groups,
    )
    return conda_from_pypi(found) if job.settings.conda_from_pypi else found


def resolve(job: Job, requirements: Requirements, python: Path | None) -> Lock:
    """Return a lock of `requirements` for `python`, which is None if it comes from conda.

    A fresh one is resolved once for all the job's tests, so that they compare the same packages,
    and ignores a lock of the project's own, such as `uv.lock`.
    """
    if not job.fresh:
        return _resolved_in(job.folder, job, requirements, python)
    asked = replace(requirements, locked=None)
    digest = hashlib.sha256(f"{asked}\n{python}".encode()).hexdigest()[:16]
    folder = job.folder / f"resolved-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    kept, part, notes = (folder / name for name in ("kept.txt", "kept.part", "notes.txt"))
    with FileLock(folder / "kept.lock"):
        if not kept.exists():
            lock = _resolved_in(folder, job, asked, python)
            part.write_text(lock.text, encoding="utf-8")
            notes.write_text("\n".join(lock.notes), encoding="utf-8")
            part.replace(kept)
        lines = notes.read_text(encoding="utf-8").splitlines()
        lock = parse_lock(kept.read_text(encoding="utf-8"))
        return replace(lock, notes=tuple(lines))


def _resolved_in(
    workspace: Path, job: Job, requirements: Requirements, python: Path | None
) -> Lock:
    workspace.mkdir(parents=True, exist_ok=True)
    if python is None:
        return resolve_with_conda(job, requirements, workspace=workspace, timeout=_RESOLVE_TIMEOUT)
    return resolver(job.installer).resolve(
        requirements,
        python=python,
        workspace=workspace,
        timeout=_RESOLVE_TIMEOUT,
        as_of=job.as_of,
    )


def _build(
    job: Job,
    lock: Lock,
    requirements: Requirements,
    python: Path | None,
    *,
    name: str = BASE,
    save_wheels: bool = False,
) -> BuiltEnvironment:
    request = _request(job, requirements, name=name, save_wheels=save_wheels)
    match lock:
        case CondaLock():
            built = conda_with_pypi_environment(
                lock,
                asked_by_flow(job, requirements),
                request,
                lines=requirements.lines,
                requirements=shown_requirements(job, requirements),
                folder=job.environments,
            )
        case PypiLock():
            built = shared_environment(
                lock,
                request,
                requirements=requirements.lines,
                python=python or find_interpreter(requirements.requires_python),
                folder=job.environments,
            )
    begin_use(built.path, key=str(job.folder), title=job.title)
    manifest = replace(built.manifest, constraints=requirements.narrowed_by)
    notes = (*requirements.notes, *lock.notes, *built.notes)
    return replace(built, manifest=manifest, local=requirements.local, notes=notes)


def _request(
    job: Job, requirements: Requirements, *, name: str, save_wheels: bool
) -> InstallRequest:
    # A resolution for a check is neither recorded nor in the wheelhouse.
    location = None if job.fresh else job.settings.wheelhouse
    return InstallRequest(
        name=name,
        installer=job.installer,
        timeout=_BUILD_TIMEOUT,
        wheelhouse=Wheelhouse(location=location, save=save_wheels) if location else None,
        indexes=requirements.indexes,
    )
