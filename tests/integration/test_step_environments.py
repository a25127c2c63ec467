"""Steps with packages of their own: @pypi, @conda and their flow-level halves."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest
    from conftest import Project


def environments(project: Project, flow: str, stem: str) -> dict[str, Any]:
    manifest = json.loads((project.baseline(flow, stem) / "manifest.json").read_bytes())
    found: dict[str, Any] = manifest["environments"]
    return found


def test_each_step_has_its_packages_and_no_others(project: Project) -> None:
    project.place_flows("steps")
    project.record("bakery.py").assert_outcomes(passed=7)
    found = environments(project, "BakeryFlow", "bakery")
    assert {name: env.get("steps") for name, env in found.items()} == {
        "base": None,
        "step-knead": ["knead"],
        "step-proof": ["proof"],
        "step-start": ["start", "bake"],  # equal declarations share one
    }
    assert "six<1.16,>=1.15" in found["step-knead"]["requirements"]
    versions = {name: env["packages"]["metaflow"]["version"] for name, env in found.items()}
    assert len(set(versions.values())) == 1, "every step has the Metaflow that runs the flow"
    recorded = project.artifacts("BakeryFlow", "bakery")
    assert recorded["start"]["[]"]["tools"]["value"] == {"start": "1.16.0"}
    assert recorded["knead"]["[]"]["dough"]["value"] == "1.15.0"
    assert recorded["proof"]["[]"]["dough"]["value"] == ["1.17.0", "toolz"]
    assert recorded["bake"]["[]"]["oven"]["value"] == "1.16.0"
    assert recorded["end"]["[]"]["left"]["value"] == "nothing", "disabled: where the flow itself is"

    project.check("bakery.py", "-k", "environment").assert_outcomes(passed=1, deselected=6)

    project.edit("bakery.py", '"six": "1.17.0"', '"six": "1.16.0"')
    project.edit("bakery.py", "    @pypi(disabled=True)\n", "")
    # Every artifact reproduces: `proof` runs with what was locked, `end` with what `start` has.
    assert project.drift("bakery.py") == [
        "BakeryFlow: step proof.proof changed",
        "BakeryFlow: step end.end changed",
        "BakeryFlow: package requirement six changed",
    ]
    declared = '    @pypi(packages={"toolz": "1.0.0"})\n'
    project.edit("bakery.py", "    @step\n    def end", f"{declared}    @step\n    def end")
    result = project.check("bakery.py", "-k", "step[end]")
    result.assert_outcomes(errors=1, deselected=6)
    result.stdout.fnmatch_lines(
        ["*step end (@pypi) asks for packages of its own, and the baseline of BakeryFlow has no*"]
    )


def test_conda_packages_come_from_pypi_where_that_is_asked_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rattler", None)  # the extra `conda` is not needed for it
    project.place_flows("steps")
    project.write(
        "pyproject.toml", '[tool.pytest]\n[tool.flowrepro]\nconda = "pypi"\nrecord-runs = 1\n'
    )
    result = project.record("mill.py")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["*step start takes conda-forge::toolz, toolz from conda; they were installed from PyPI*"]
    )
    # By `libraries`, the older name, of the flow's own decorator.
    assert project.artifacts("MillFlow", "mill")["end"]["[]"]["version"]["value"] == "1.0.0"
    result = project.check("mill.py", "-k", "environment")
    result.assert_outcomes(passed=1, deselected=3)
    result.stdout.fnmatch_lines(["*they were installed from PyPI instead, by name"])
