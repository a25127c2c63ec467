"""What a rerun takes from this machine, and what it takes from its profile instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.hardware import read_hardware
from pytest_flowrepro.numeric import below, computes, overridden, pins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.check.prepare import Prepared
    from pytest_flowrepro.model import NumericProfile
    from pytest_flowrepro.numeric import Pins


def pins_of(prepared: Prepared, profile: NumericProfile) -> Pins:
    """The variables that make `profile` hold in each environment of a flow."""
    return pins(
        profile,
        read_hardware(),
        base=prepared.built.numerics,
        steps={step: one.numerics for one in prepared.of_steps for step in one.manifest.steps},
    )


def machine_notes(prepared: Prepared) -> Iterator[str]:
    """Sentences about what keeps a profile from holding; none for a flow that computes nothing."""
    profile = prepared.job.settings.numeric
    if any(computes(environment.packages) for environment in prepared.environments):
        yield from overridden(profile, prepared.start.env)
        if sentence := below(profile, read_hardware()):
            yield sentence
