"""The properties of this machine in a rerun, and those of the numeric profile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.diff.determinism import Conditions
from pytest_flowrepro.environment import system_of
from pytest_flowrepro.model import NumericProfile
from pytest_flowrepro.rerun.numeric_pins import (
    another_machine,
    below,
    computes,
    level_for,
    overridden,
    pins,
)
from pytest_flowrepro.support.hardware import read_hardware

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import System
    from pytest_flowrepro.pipeline.prepare import Prepared
    from pytest_flowrepro.rerun.numeric_pins import Pins


def variation(prepared: Prepared) -> Conditions:
    """Return the conditions of a recording's second rerun.

    They are another hash seed and, if the flow has a library that it affects, another machine.
    """
    usual, hardware = prepared.job.settings.numeric, read_hardware()
    flows = (prepared, *prepared.after)
    if not any(
        computes(environment.packages)
        for flow in flows
        for environment in flow.environments.manifests
    ):
        return Conditions(seed=1)
    varied = another_machine(usual, hardware)
    return Conditions(seed=1, threads=True, cpu=varied.cpu != usual.cpu)


def pins_of(prepared: Prepared, conditions: Conditions) -> Pins:
    """Return the variables of a rerun under `conditions`, for each environment of a flow."""
    profile, hardware = prepared.job.settings.numeric, read_hardware()
    varied = another_machine(profile, hardware)
    return pins(
        NumericProfile(
            threads=varied.threads if conditions.threads else profile.threads,
            cpu=varied.cpu if conditions.cpu else profile.cpu,
        ),
        hardware,
        base=prepared.environments.base.numerics,
        steps={
            step: environment.numerics
            for environment in prepared.environments.of_steps
            for step in environment.manifest.steps
        },
    )


def system_under(prepared: Prepared) -> System:
    """Return this machine, with the numerical libraries and profile of the flow."""
    profile = prepared.job.settings.numeric
    every = prepared.environments.all
    blas = tuple(
        (environment.manifest.name, environment.numerics.blas)
        for environment in every
        if environment.numerics.blas
    )
    numeric = replace(profile, cpu=level_for(profile, read_hardware()))
    return replace(system_of(), numeric=numeric, blas=blas)


def machine_notes(prepared: Prepared) -> Iterator[str]:
    """Yield sentences about limits of the profile; none for a flow without numerical libraries."""
    profile = prepared.job.settings.numeric
    if any(computes(environment.packages) for environment in prepared.environments.manifests):
        yield from overridden(profile, prepared.start.env)
        if sentence := below(profile, read_hardware()):
            yield sentence
