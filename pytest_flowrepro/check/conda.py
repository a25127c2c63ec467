"""Environments of conda packages, for the steps that declare them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from pytest_flowrepro.conda import (
    channels_from,
    check_installed,
    conda_requirements,
    install_conda,
    interpreter_of,
    parse_explicit,
    place_metaflow,
    read_prefix,
    solve_conda,
)
from pytest_flowrepro.environment import shared_place
from pytest_flowrepro.errors import EnvironmentBuildError
from pytest_flowrepro.lock_file import InvalidLockError
from pytest_flowrepro.model import BuiltEnvironment, Environment

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.check.job import Job
    from pytest_flowrepro.conda import CondaRequirements, ExplicitLock
    from pytest_flowrepro.model import Lock
    from pytest_flowrepro.step_environments import StepEnvironment

_SOLVE_TIMEOUT = 300.0
_BUILD_TIMEOUT = 900.0


def asked_of_conda(job: Job, wanted: StepEnvironment, base: Environment) -> CondaRequirements:
    return conda_requirements(
        dict(wanted.conda),
        python=wanted.python or base.python.partition(" ")[2],
        channels=channels_from(job.settings.conda_channels, os.environ),
        source=wanted.requirements.source,
    )


def resolve_conda(job: Job, requirements: CondaRequirements) -> Lock:
    return solve_conda(requirements, workspace=job.folder, timeout=_SOLVE_TIMEOUT, as_of=job.as_of)


def build_conda(
    job: Job, lock: Lock, requirements: CondaRequirements, *, name: str, base: BuiltEnvironment
) -> BuiltEnvironment:
    """The prefix of a lock with the Metaflow of `base`, built once for all who ask for both."""
    explicit = _parsed(lock, name)

    def build(prefix: Path, timeout: float) -> None:
        shutil.rmtree(prefix, ignore_errors=True)
        install_conda(
            explicit,
            prefix=prefix,
            archives=user_cache_path("pytest-flowrepro") / "conda",
            timeout=timeout,
            channels=requirements.channels,
        )
        check_installed(read_prefix(prefix, specs=()), explicit, name)
        place_metaflow(prefix, base=base.path)

    metaflow = next(one for one in base.manifest.packages if one.name == "metaflow")
    prefix = shared_place(
        f"{lock.digest}\n{metaflow.record}",
        folder=job.environments,
        name=name,
        timeout=_BUILD_TIMEOUT,
        build=build,
    )
    installed = read_prefix(prefix, specs=requirements.specs)
    packages = [one for one in installed if one.name != "metaflow"]
    manifest = Environment(
        name=name,
        python=interpreter_of(prefix),
        packages=tuple(sorted([*packages, replace(metaflow, via=())], key=lambda one: one.name)),
        lock=lock,
        requirements=requirements.shown,
    )
    return BuiltEnvironment(path=prefix, python=prefix / "bin" / "python", manifest=manifest)


def _parsed(lock: Lock, name: str) -> ExplicitLock:
    try:
        return parse_explicit(lock.text)
    except InvalidLockError as error:
        raise EnvironmentBuildError(
            f"lock-{name}.txt is not a lock that an environment can be rebuilt from.",
            hint="restore the file from git, or record again with `--flow-repro-update`.",
            detail="\n".join(error.problems[:20]),
        ) from error
