"""uv and pip-tools agree on the requirements of every flow in fixtures/."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from environments import build_new_environment

from pytest_flowrepro.discover.flows import find_flows
from pytest_flowrepro.environment import InstallRequest
from pytest_flowrepro.lock import find_requirements, resolver

if TYPE_CHECKING:
    from pytest_flowrepro.model import Environment, Requirements

pytestmark = [pytest.mark.network, pytest.mark.slow]

FIXTURES = Path(__file__).parents[2] / "fixtures"


def declared() -> dict[tuple[str, ...], Requirements]:
    """What the flows ask for, each set of it once."""
    files = sorted((FIXTURES / "flows").glob("*.py"))
    flows = [flow for file in files for flow in find_flows(file, root=FIXTURES)]
    assert len(flows) == 6
    found = (find_requirements(flow.file, root=FIXTURES, setting=None) for flow in flows)
    return {requirements.lines: requirements for requirements in found}


def built(
    tool: Literal["uv", "pip-tools"], requirements: Requirements, folder: Path
) -> Environment:
    folder.mkdir(parents=True)
    python = Path(sys.executable)
    lock = resolver(tool).resolve(requirements, python=python, workspace=folder, timeout=120)
    return build_new_environment(
        lock,
        InstallRequest(name="base", installer=tool, timeout=120),
        requirements=requirements.lines,
        python=python,
        folder=folder / "environment",
    ).manifest


@pytest.mark.parametrize("requirements", declared().values(), ids=lambda one: one.source)
def test_a_lock_by_uv_and_one_by_pip_tools_install_identical_environments(
    requirements: Requirements, tmp_path: Path
) -> None:
    by_uv = built("uv", requirements, tmp_path / "uv")
    by_pip = built("pip-tools", requirements, tmp_path / "pip-tools")

    assert by_uv.packages == by_pip.packages
    assert (by_uv.python, by_uv.requirements) == (by_pip.python, by_pip.requirements)
    assert by_uv.lock != by_pip.lock, "two locks, not one"
