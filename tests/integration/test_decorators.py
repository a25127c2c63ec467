"""What Metaflow's decorators come to in a rerun."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Project

HARVEST_CARD = "metaflow_extensions/orchard/plugins/cards/harvest/__init__.py"


def decorators_of(project: Project, flow: str, stem: str, step: str) -> dict[str, Any]:
    """Attributes by decorator, as the manifest has them."""
    manifest = json.loads((project.baseline(flow, stem) / "manifest.json").read_bytes())
    (found,) = (one for one in manifest["steps"] if one["name"] == step)
    return {one["name"]: one["attributes"] for one in found["decorators"]}


def test_decorators_record_reproduce_and_drift(project: Project) -> None:
    project.place_flows("decorators")
    for fails in ("slow.py", "vault.py"):
        (project.path / fails).unlink()
    recorded = project.record()
    recorded.assert_outcomes(passed=17)
    recorded.stdout.fnmatch_lines_random(
        [
            "*step start ran on this machine; * (@batch)",
            "*step train ran on this machine; * (@kubernetes)",
            "*step start took 2 attempts*",
            "*step calibrate took 2 attempts*",
        ]
    )

    sensors = project.artifacts("SensorFlow", stem="sensors")
    assert sensors["calibrate"]["[]"]["trouble"]["value"]["$exception"]["fields"] == {
        "type": "__main__.CalibrationError",
        "exception": "no offsets in <project>/offsets.csv for <object object at 0x...>",
    }
    assert sensors["sample"]["[]"]["late"]["value"]["$exception"]["fields"] == {
        "type": "metaflow.plugins.timeout_decorator.TimeoutException",
        "exception": "Step sample timed out after 0 hours, 0 minutes, 1 seconds",
    }
    deployed_as = sensors["start"]["[]"]["deployed_as"]["value"]
    assert deployed_as == "weather.user.flowrepro.SensorFlow", "whoever runs the check"

    orchard = project.artifacts("OrchardFlow", stem="orchard")
    cards = {name: card["value"] for name, card in orchard["start"]["[]"].items() if "@" in name}
    assert cards == {
        "@card(blank, prices)": "rendered",
        "@card(default)": "rendered",
        "@card(harvest)": "rendered",
    }
    assert orchard["end"]["[]"]["@card(blank)"]["value"] == "rendered, rendered"
    assert orchard["end"]["[]"]["attached"]["value"] == ["blank", "default", "harvest"]

    train = decorators_of(project, "CloudFlow", "cloud", "train")
    remote = train["kubernetes"]
    assert remote["image"] == "example.org/train:7"
    assert (remote["cpu"], remote["memory"], remote["gpu"]) == (4, 16000, 1)
    assert train["resources"]["cpu"] == 8
    assert train["environment"]["vars"] == {"EPOCHS": "3"}
    prepare = decorators_of(project, "CloudFlow", "cloud", "start")["batch"]
    assert (prepare["image"], prepare["cpu"]) == ("example.org/prepare:3", 2)

    project.edit("sensors.py", '"no offsets in', '"no offset file in')
    project.edit("orchard.py", "    @card\n", "")
    project.edit("orchard.py", '    @card(type="blank")\n' * 2, '    @card(id="sums")\n')
    project.edit(HARVEST_CARD, 'task["harvest"]', 'task["yield"]')
    project.edit("cloud.py", "train:7", "train:8")
    project.edit("cloud.py", '"EPOCHS": "3"', '"EPOCHS": "4"')
    reports = ("report.md", "report.html")
    options = (f"--flow-repro-{name[7:]}={name}" for name in reports)
    assert project.drift("--flow-repro-details", *options) == [  # all else reproduces
        "CloudFlow: step train.train changed",
        "CloudFlow: artifact train.loss[0] changed",
        "CloudFlow: artifact train.loss[1] changed",
        "CloudFlow: artifact pick.best changed",
        "OrchardFlow: step start.start changed",
        "OrchardFlow: step end.end changed",
        "OrchardFlow: artifact start.@card(default) removed",
        "OrchardFlow: artifact start.@card(harvest) changed",
        "OrchardFlow: artifact end.@card(blank) removed",
        "OrchardFlow: artifact end.attached changed",
        "OrchardFlow: artifact end.@card(default, sums) added",
        "SensorFlow: artifact calibrate.trouble changed",
    ]
    for name in reports:
        assert "@card(default, sums)" in (project.path / name).read_text(encoding="utf-8")
    report = json.loads((project.path / "report.json").read_bytes())
    notes = {flow["flow"]: flow["notes"] for flow in report["flows"]}
    assert "the flow wrote announced.txt" in notes["CloudFlow"], "by its exit hook"


def test_a_step_that_its_decorators_end_says_so(project: Project) -> None:
    project.place_flows("decorators")
    failed = project.record("slow.py", "vault.py")
    failed.assert_outcomes(failed=2, skipped=6)
    failed.stdout.fnmatch_lines(
        [
            "*step start of SlowFlow failed*",
            "*Step start timed out after 0 hours, 0 minutes, 1 seconds*",
            "*time.sleep(30)*",
            "*step start of VaultFlow failed*",
            "*Unknown secrets backend type our-vault *",
        ]
    )
    failed.stdout.no_fnmatch_line("*AttributeError*")
    assert not project.baseline("SlowFlow", "slow").exists()
