"""What differs and is let pass: within a tolerance, at a place, or as a name of one run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.docs import docs

if TYPE_CHECKING:
    from conftest import Project

STALE = '"start.label"'


@pytest.fixture
def harvest(project: Project) -> Project:
    project.place_flows("tolerance")
    return project


def proposal(result: pytest.RunResult) -> list[str]:
    """The lines to paste: from the table's name on, all that has the form of TOML."""
    lines = [line.strip() for line in result.outlines]
    if "[tool.flowrepro.flow.HarvestFlow]" not in lines:
        return []
    start = lines.index("[tool.flowrepro.flow.HarvestFlow]")
    keys = ("ignore =", "rtol =", "atol =")
    return [lines[start], *(line for line in lines[start:] if line.startswith(keys))]


def test_what_is_proposed_lets_a_flow_repeat_and_hides_nothing_else(harvest: Project) -> None:
    result = harvest.record()
    result.stdout.fnmatch_lines(["*differs from run to run: start.report, start.weight. Seed it*"])
    lines = proposal(result)
    assert lines[1] == (
        'ignore = ["*.nothing", "start.report.baskets.*.id", "start.report.created_at"]'
    )
    assert lines[2].startswith('rtol = { "end.*" = 1e-9, "start.weight" = 1e-1')
    where = harvest.artifacts("HarvestFlow", "harvest")["end"]["[]"]["origin"]["value"]
    assert where == {
        "task": "HarvestFlow/<run>/end/<task>",
        "run": "<run>",
        "file": {"$PosixPath": "<project>/harvest.py"},
        "folders": ["<project>", "<home>/x", "<tmp>"],
        "user": "flowrepro",
    }

    settings = (harvest.path / "pyproject.toml").read_text()
    pasted = "\n".join([settings, *lines, ""]).replace('"*.nothing",', f'"*.nothing", {STALE},')
    harvest.write("pyproject.toml", pasted)
    again = harvest.record()
    assert proposal(again) == []
    again.stdout.no_fnmatch_line("*differs from run to run*")

    (checked,) = harvest.report()["flows"]
    assert checked["verdict"] == "reproduced"
    assert [(c["name"], c["gated"]) for c in checked["changes"]] == [("weight", False)]
    assert checked["changes"][0]["within"].startswith("max ")
    assert "1 artifact differs only at places that are ignored" in checked["notes"]
    assert (
        "step end: sealed is compared by its pickle only (cannot be unpickled: ValueError: "
        'sealed); fix this, or ignore it with ignore = ["end.sealed"]; see '
        + docs("how-to/teach-it-your-rules#encoders")
    ) in checked["notes"]
    assert any(note.startswith("ignore: `start.label` was not needed") for note in checked["notes"])

    harvest.edit("harvest.py", "SCORE = 0.9", "SCORE = 0.9000000000000001")
    harvest.edit("harvest.py", "RATIO = 0.5", 'RATIO = float("nan")')
    harvest.edit("harvest.py", "SIZE = 3.0", "SIZE = 3.001")
    harvest.edit("harvest.py", "SHARED = True", "SHARED = False")
    result = harvest.check("--flow-repro-json=report.json")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*drifted*::HarvestFlow*2 artifacts within tolerance*",
            "*end.score*within tolerance (max 1.1e-16)*",
            "*tool.flowrepro.ignore: `[*].nothing` matched nothing*",
        ]
    )
    (flow,) = json.loads((harvest.path / "report.json").read_bytes())["flows"]
    drifted = {c["name"]: c["gated"] for c in flow["changes"] if c["kind"] == "artifact"}
    assert drifted == {
        "report": True,  # its score is no place that is ignored
        "weight": False,
        "score": False,
        "ratio": True,  # NaN
        "sizes": True,  # too much
        "trees": True,  # two, and not one
    }
