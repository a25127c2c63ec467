"""Processes of flows, for tests of what is run by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.model import FlowEnvironments, FlowProcess, FlowSource
from pytest_flowrepro.rerun.rerun import flow_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_flowrepro.model import BuiltEnvironment
    from pytest_flowrepro.rerun.rerun import Place


def flow_source(file: Path, name: str = "TrainFlow") -> FlowSource:
    return FlowSource(file=file, name=name, lineno=1, steps=("start",))


def flow_process(
    flow: FlowSource, *, python: Path, env: Mapping[str, str], timeout: float = 20
) -> FlowProcess:
    """Start it from the folder of its file."""
    return FlowProcess(flow=flow, python=python, cwd=flow.file.parent, env=env, timeout=timeout)


def process_in(
    built: BuiltEnvironment,
    place: Place,
    flow: FlowSource,
    *,
    hash_seed: int = 0,
    timeout: float = 120,
) -> FlowProcess:
    """Start it in a built environment, with the variables of a rerun."""
    environments = FlowEnvironments(base=built)
    env = flow_environment(flow, place, environments, hash_seed=hash_seed)
    return flow_process(flow, python=built.python, env=env, timeout=timeout)
