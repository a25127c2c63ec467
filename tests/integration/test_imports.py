"""What a flow imports, held against what it declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project


def test_undeclared_imports_and_unused_declarations_are_reported(project: Project) -> None:
    project.place_flows("imports")
    recorded = project.report("--flow-repro-update")["flows"][0]
    assert recorded["verdict"] == "recorded"
    came_along = "without declaring it (it came with"
    dateutil = f"step moons imports dateutil (python-dateutil) {came_along} botocore)"
    requests = f"step end imports requests {came_along} metaflow)"
    why_not = "may be used by other packages or without an import, such as plugins"
    unused = f"declared, but never imported by this flow: more-itertools ({why_not})"
    assert recorded["notes"] == [dateutil, requests, unused]
    manifest = json.loads((project.baseline("TideFlow", "tides") / "manifest.json").read_bytes())
    assert {name: env["imported"] for name, env in manifest["environments"].items()} == {
        "base": ["requests", "toolz"],
        "step-moons": ["python-dateutil", "toolz"],
    }

    project.edit("tides.py", "requests.__name__", "'requests'")
    project.edit("tides.py", "        import requests\n\n", "")
    checked = project.report()["flows"][0]
    assert checked["verdict"] == "reproduced", "what a flow imports is shown, not gated"
    assert checked["notes"] == [dateutil]
