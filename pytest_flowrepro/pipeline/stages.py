"""The stages that run other programs, as functions that the pipeline is given.

Unit tests of the pipeline pass functions that answer at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pytest_flowrepro.capture.capture import capture
from pytest_flowrepro.describe.describe import describe_flow
from pytest_flowrepro.environment import find_interpreter, identify_interpreter
from pytest_flowrepro.pipeline.resolution import resolve_in
from pytest_flowrepro.rerun.rerun import rerun_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_flowrepro.advice.advice import Situation
    from pytest_flowrepro.capture.capture import Reading
    from pytest_flowrepro.environment import EnvironmentBuilder, InstallRequest
    from pytest_flowrepro.model import (
        BuiltEnvironment,
        Capture,
        FlowDescription,
        FlowProcess,
        Interpreter,
        Lock,
        Requirements,
        Run,
    )
    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.rerun.rerun import Place, RunOptions


class FindInterpreter(Protocol):
    def __call__(
        self,
        requires: str | None = None,
        *,
        recorded: Interpreter | None = None,
        requested: Interpreter | None = None,
        requested_by: str = ...,
    ) -> Path:
        """Return an interpreter of this machine, as `find_interpreter` does."""
        ...


def build(builder: EnvironmentBuilder, request: InstallRequest, folder: Path) -> BuiltEnvironment:
    return builder.build(request, folder)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """The work of a recording or a check outside of this process."""

    find_interpreter: FindInterpreter = find_interpreter
    identify_interpreter: Callable[[Path], Interpreter] = identify_interpreter
    """Return implementation and version of an executable."""
    resolve: Callable[[Job, Requirements, Path | None, Path], Lock] = resolve_in
    """Resolve requirements to a lock, for an interpreter, below a folder."""
    build: Callable[[EnvironmentBuilder, InstallRequest, Path], BuiltEnvironment] = build
    """Build an environment below a folder."""
    describe: Callable[[FlowProcess, Situation, Path, Sequence[str]], FlowDescription] = (
        describe_flow
    )
    """Ask Metaflow for the graph of a flow, below a folder, with options of its command line."""
    rerun: Callable[[FlowProcess, Place, RunOptions, Sequence[Path]], Run] = rerun_flow
    """Run a flow in a place, and at its end a script with its arguments."""
    capture: Callable[[Run, Reading], Capture] = capture
    """Read the artifacts of a run."""


STAGES = Stages()
"""The stages that run real programs."""
