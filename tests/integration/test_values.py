"""Values that are kept whole, and large ones that are not loaded to see that they are the same."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from recordings import reseal

if TYPE_CHECKING:
    from conftest import Project

FLOW = """\
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from metaflow import FlowSpec, step


@dataclass
class Box:
    content: bytes


class LargeFlow(FlowSpec):
    @step
    def start(self):
        self.array = np.arange(50_000.0).reshape(500, 100)
        self.frame = pd.DataFrame({"n": np.arange(5_000), "t": ["row"] * 5_000})
        self.same = np.arange(20_000.0)
        self.token = ["Bearer " + os.environ["API_TOKEN"]] * 2_000
        self.huge = np.arange(200_000.0)
        self.box = Box(b"x" * 1_200_000)
        self.score = 0.5
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LargeFlow()
"""


def members(file: Path) -> dict[str, Any]:
    """By name: arrays, and the values of JSON files."""
    with zipfile.ZipFile(file) as archive:
        found = {n: json.loads(archive.read(n)) for n in archive.namelist() if n.endswith(".json")}
    with np.load(file, allow_pickle=False) as arrays:
        return found | {name: arrays[name] for name in arrays.files if name not in found}


@pytest.fixture
def recorded(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("API_TOKEN", "s3cr3t-token")
    project.write("flow.py", FLOW)
    project.write("requirements.txt", "metaflow\nnumpy\npandas\n")
    project.write(
        "pyproject.toml",
        "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\nvalues = 1_000_000\n"
        "env = { API_TOKEN = { pass = true } }\n",
    )
    project.record().assert_outcomes(passed=4)
    return project


def test_whole_values_of_both_sides_are_there_to_be_compared(recorded: Project) -> None:
    project, baseline = recorded, recorded.baseline("LargeFlow")
    artifacts = project.artifacts("LargeFlow")["start"]["[]"]
    files = {name: f"{one['digest'][7:23]}.npz" for name, one in artifacts.items()}

    kept = {name for name, one in artifacts.items() if "stored" in one}
    assert kept == {"array", "frame", "same"}, "no more bytes than asked for, and no secret"
    assert {path.name for path in (baseline / "values").iterdir()} == {files[n] for n in kept}
    assert not any(b"s3cr3t-token" in data for data in project.baseline_bytes().values())
    assert {name for name, one in artifacts.items() if "sha" in one} == {"huge"}, (
        "large, and of no class that the flow's own code defines"
    )
    # What is settled by its pickle's SHA is what the baseline says: nobody looks.
    text = (baseline / "artifacts.json").read_text(encoding="utf-8")
    digest = artifacts["huge"]["digest"]
    (baseline / "artifacts.json").write_text(text.replace(digest, f"sha256:{'f' * 64}"))
    reseal(baseline)

    project.edit("flow.py", "reshape(500, 100)", "reshape(500, 100) + (np.arange(100) == 99) * 0.5")
    project.edit("flow.py", '["row"] * 5_000', '["row"] * 4_000 + ["ROW"] + ["row"] * 999')
    result = project.check("--flow-repro-keep", "--flow-repro-json=report.json")
    (flow,) = json.loads((project.path / "report.json").read_bytes())["flows"]
    assert [c["name"] for c in flow["changes"] if c["kind"] == "artifact"] == ["array", "frame"]

    (line,) = (x for x in result.outlines if x.startswith("working directories: "))
    new = sorted(Path(line.partition(": ")[2]).glob("flows/*/check/values/*.npz"))
    assert len(new) == 2, "what is as it was is not written again"
    by_kind = {next(iter(members(file)["value.json"])): members(file) for file in new}

    old = members(baseline / "values" / files["array"])
    before = np.arange(50_000.0).reshape(500, 100)
    np.testing.assert_array_equal(old["0"], before)
    moved = by_kind["$array"]["0"] - before
    assert (moved[:, 99] == 0.5).all()
    assert not moved[:, :99].any()

    old = members(baseline / "values" / files["frame"])
    texts = old["value.json"]["$frame"]["columns"][1]["data"]
    assert old[f"{texts}.json"] == ["row"] * 5_000
    assert by_kind["$frame"][f"{texts}.json"] == ["row"] * 4_000 + ["ROW"] + ["row"] * 999
