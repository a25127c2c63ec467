"""Everything that a project may declare its dependencies in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.installers.index_settings import uv_tool
from pytest_flowrepro.support.process import run_process

if TYPE_CHECKING:
    from conftest import Project

FLOWS = {
    "bakery": "BakeryFlow",  # uv.lock
    "dairy": "DairyFlow",  # pylock.toml
    "mill": "MillFlow",  # pyproject.toml, with an extra and a group
    "press": "PressFlow",  # setup.cfg
    "forge": "ForgeFlow",  # setup.py
    "orchard": "OrchardFlow",  # environment.yml
    "garden": "GardenFlow",  # requirements that include others, and a constraint
}


def run_uv(project: Project, *args: str) -> str:
    tool = uv_tool()
    argv = [tool.argv[0], "--quiet", "--project", "bakery", *args]
    done = run_process(argv, env=tool.env, cwd=project.path, timeout=60)
    assert done.ok, done.stderr
    return done.stdout


def lock(project: Project, *upgrade: str) -> None:
    """The bakery's uv.lock, and the same as the dairy's pylock.toml."""
    run_uv(project, "lock", *upgrade)
    export = ("export", "--frozen", "--no-emit-project", "--format", "pylock.toml")
    project.write("dairy/pylock.toml", run_uv(project, *export))


def recorded(project: Project, stem: str, file: str) -> dict[str, Any]:
    baseline = project.path / stem / "__flowrepro__" / stem / FLOWS[stem]
    content: dict[str, Any] = json.loads((baseline / file).read_bytes())
    return content


def recorded_reader(project: Project, stem: str) -> str:
    steps = recorded(project, stem, "artifacts.json")["steps"]
    return str(steps["end"]["[]"]["reader"]["value"])


def test_a_flow_runs_with_what_its_project_declares(project: Project) -> None:
    project.place_flows("sources")
    lock(project, "--upgrade-package", "toml==0.10.0")
    project.record().assert_outcomes(passed=4 * len(FLOWS))

    # The newest is 0.10.2, and what the bakery's pyproject.toml asks for would be 0.10.1; nothing
    # else that a flow has brings toml along.
    locked = {"bakery": "toml 0.10.0", "dairy": "toml 0.10.0"}
    assert {stem: recorded_reader(project, stem) for stem in FLOWS} == {
        **dict.fromkeys(FLOWS, "toml 0.10.1"),
        **locked,
    }
    mill = recorded(project, "mill", "manifest.json")["environments"]["base"]
    assert mill["requirements"] == ["metaflow", "six", "toml==0.10.1"]
    bakery = recorded(project, "bakery", "manifest.json")["environments"]["base"]["packages"]
    assert (bakery["toml"]["via"], bakery["boto3"]["via"]) == ([], ["metaflow"])
    assert project.drift("-k", "environment") == []

    lock(project, "--upgrade")
    for file in ("mill/pyproject.toml", "press/setup.cfg", "forge/setup.py"):
        project.edit(file, "toml==0.10.1", "toml>=0.10.1")
    project.edit("orchard/environment.yml", "toml==0.10.1", "toml>=0.10.1")
    project.edit("garden/needs/limits.txt", "toml<0.10.2", "toml<0.11")
    changed = {
        **dict.fromkeys(FLOWS, "requirement toml"),
        "bakery": "requirements in bakery/uv.lock",
        "dairy": "requirements in dairy/pylock.toml",
        "garden": "requirements in garden/needs/limits.txt",
    }
    assert sorted(project.drift("-k", "environment")) == sorted(
        f"{FLOWS[stem]}: package {name} changed" for stem, name in changed.items()
    )
