"""Steps whose packages come from conda, from a channel that the test made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from local_channel import VERSION, Channel, this_platform

from pytest_flowrepro.lockfile.conda import parse_conda

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

pytestmark = pytest.mark.conda


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    made = Channel(folder=tmp_path_factory.mktemp("channel"))
    made.add_metaflows_own()
    made.add("six", "1.16.0")
    made.add("six", "2.0.0")
    made.add("frames", "2.1", depends=("python", "six >=1.15,<2"))
    made.add("pear", "2.1")
    return made


@pytest.fixture(autouse=True)
def conda(channel: Channel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "rattler-cache"))
    monkeypatch.setenv("CONDA_CHANNELS", channel.url)


@pytest.fixture
def orchard(project: Project) -> Project:
    project.place_flows("conda")
    return project


def environments(project: Project, flow: str = "OrchardFlow", stem: str = "orchard") -> Any:
    manifest = json.loads((project.baseline(flow, stem) / "manifest.json").read_bytes())
    return manifest["environments"]


def test_each_step_runs_in_its_conda_packages(
    orchard: Project, channel: Channel, session_folder: Path
) -> None:
    # GraftFlow runs first, and edits a library that a step of the orchard has, too.
    orchard.record().assert_outcomes(passed=9)
    grafted = orchard.artifacts("GraftFlow", "grafter")
    assert grafted["end"]["[]"]["grafted"]["value"] == "grafted"
    recorded_in = environments(orchard)
    assert {name: env.get("steps") for name, env in recorded_in.items()} == {
        "base": None,
        "step-pick": ["pick"],
        "step-start": ["start"],
    }
    start = recorded_in["step-start"]
    assert start["python"] == f"cpython {VERSION}"
    assert start["requirements"] == [
        "frames==2.1",
        f"python=={VERSION}",
        "requests>=2.21.0",
        "six>=1.15",
    ]
    assert start["packages"]["frames"]["wheel"] == "noarch/0"
    assert start["packages"]["urllib3"]["via"] == ["requests"]
    assert start["packages"]["metaflow"] == recorded_in["base"]["packages"]["metaflow"] | {
        "via": []
    }
    lock = orchard.lock("OrchardFlow", "step-start", "orchard")
    assert lock.read_text("utf-8").startswith(f"# platform: {this_platform()}\n@EXPLICIT\n")
    recorded = orchard.artifacts("OrchardFlow", "orchard")
    assert recorded["start"]["[]"]["trees"]["value"] == ["2.1", "1.16.0"]
    assert recorded["start"]["[]"]["inside"]["value"] is True
    assert recorded["pick"]["[]"]["apples"]["value"] == "2.0.0"
    assert recorded["pick"]["[]"]["frames"]["value"] == "not here"
    prefixes = [one.parent for one in session_folder.glob("environments/*/conda-meta")]
    assert len(prefixes) >= 3  # one of them is the one that was edited

    assert orchard.drift("orchard.py") == []
    channel.add("six", "2.1.0")
    again = orchard.record("orchard.py")
    again.stdout.no_fnmatch_line("*resolved anew, *")
    assert environments(orchard) == recorded_in
    orchard.edit("orchard.py", '"six": ">=1.15"', '"six": ">=1.16"')
    found = orchard.drift("orchard.py", "-k", "environment")
    assert found == ["OrchardFlow: package requirement six changed"] * 2
    assert "OrchardFlow: package six changed" in orchard.drift(
        "orchard.py", "-k", "environment", "--flow-repro-env=fresh"
    )


def test_a_flow_runs_in_what_its_environment_file_takes_from_conda_and_from_pypi(
    project: Project, channel: Channel
) -> None:
    project.place_flows("conda_file")
    project.record().assert_outcomes(passed=4)
    base = environments(project, "NurseryFlow", "nursery")["base"]
    assert base["python"] == f"cpython {VERSION}"
    assert base["requirements"] == ["metaflow", "pear=2.1", "python", "requests"]
    packages = base["packages"]
    assert packages["pear"]["wheel"] == "noarch/0"
    assert packages["requests"]["wheel"] == f"{this_platform()}/0"
    assert packages["boto3"] == packages["boto3"] | {"via": ["metaflow"], "wheel": "py3-none-any"}
    both = parse_conda(project.lock("NurseryFlow", stem="nursery").read_text("utf-8"))
    assert "requests" in {one.name for one in both.archives}
    assert both.pypi is not None
    names = [one.name for one in both.pypi.packages]
    assert names[0] == "boto3"
    assert "requests" not in names
    (start, _) = project.artifacts("NurseryFlow", "nursery").values()
    assert start["[]"]["pears"]["value"] == "2.1"
    assert start["[]"]["one_prefix"]["value"] is True

    assert project.drift() == []
    channel.add("pear", "2.1.5")
    assert project.drift("-k", "environment", "--flow-repro-env=fresh") == [
        "NurseryFlow: package pear changed"
    ]
    project.edit("environment.yml", "pear=2.1", "pear>=2")
    assert project.drift("-k", "environment") == ["NurseryFlow: package requirement pear changed"]
    project.edit("environment.yml", "- metaflow", "- requests<2")
    result = project.record("-k", "environment")
    result.stdout.fnmatch_lines(
        [
            "environment.yml: these requirements conflict",
            "*requests<2*requests==*+conda*",
            "What to do: require another version of the packages marked `+conda` from conda, or *",
        ]
    )
