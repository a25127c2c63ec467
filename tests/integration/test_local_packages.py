"""Packages of the repository: flows require them, and nobody fetches them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.installers.index_settings import uv_tool
from pytest_flowrepro.support.process import run_process

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

TREES = "libs/orchard/src/orchard/trees.py"


def manifest(baseline: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((baseline / "manifest.json").read_bytes())
    return content


def values(baseline: Path, step: str) -> dict[str, Any]:
    steps = json.loads((baseline / "artifacts.json").read_bytes())["steps"]
    return {name: one["value"] for name, one in steps[step]["[]"].items()}


def test_packages_of_the_repository_are_code_and_what_they_require_is_required(
    project: Project,
) -> None:
    project.place_flows("packages")
    tool = uv_tool()
    argv = [tool.argv[0], "--quiet", "--project", "works", "lock"]
    assert run_process(argv, env=tool.env, cwd=project.path, timeout=60).ok

    project.record().assert_outcomes(passed=10)

    pears = project.path / "flows/__flowrepro__/pears/PearsFlow"
    code = manifest(pears)["code"]
    assert list(code) == [
        "../libs/orchard/src/orchard/__init__.py",
        "../libs/orchard/src/orchard/trees.py",
        "pears.py",
    ]
    environments = manifest(pears)["environments"]
    assert environments["base"]["requirements"] == ["metaflow", "six", "toml==0.10.1"]
    tree = {"$dataclass": {"type": "orchard.trees.Tree", "fields": {"fruit": "pear", "rows": 3}}}
    assert values(pears, "start") == {"tree": tree}
    assert values(pears, "look_up") == {"version": "1.4", "found": tree}
    assert values(pears, "alone") == {"seen": False}
    jam = manifest(project.path / "works/__flowrepro__/jam/JamFlow")
    assert list(jam["code"]) == ["cellar/cellar/__init__.py", "jam.py"]
    assert jam["environments"]["base"]["requirements"] == ["metaflow", "toml<0.10.2"]
    assert "cellar" not in jam["environments"]["base"]["packages"]

    project.edit(TREES, "import toml", "import toml  # reads the rows")
    jam_flow, pears_flow = project.report()["flows"][::-1]
    assert (jam_flow["verdict"], jam_flow["changes"]) == ("reproduced", [])
    (change,) = pears_flow["changes"]
    assert (change["kind"], change["name"]) == ("code", f"../{TREES}")
    assert (pears_flow["verdict"], change["gated"]) == ("reproduced", False)

    project.edit("libs/orchard/pyproject.toml", "toml==0.10.1", "toml")
    project.edit("works/cellar/pyproject.toml", "toml<0.10.2", "toml")
    assert project.drift("-k", "environment") == [
        "PearsFlow: package requirement toml changed",
        "JamFlow: error",
    ]
