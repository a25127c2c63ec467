"""Steps whose packages come from conda, from a channel that the test made."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from local_channel import VERSION, Channel, this_platform

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

pytest.importorskip("rattler", reason="the extra `conda` is not installed")


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    made = Channel(folder=tmp_path_factory.mktemp("channel"))
    made.add_metaflows_own()
    made.add("six", "1.16.0")
    made.add("six", "2.0.0")
    made.add("frames", "2.1", depends=("python", "six >=1.15,<2"))
    return made


@pytest.fixture
def orchard(project: Project, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(project.path / ".." / "rattler-cache"))
    monkeypatch.setenv("CONDA_CHANNELS", channel.url)
    project.place_flows("conda")
    return project


def environments(project: Project) -> dict[str, Any]:
    manifest = json.loads(
        (project.baseline("OrchardFlow", "orchard") / "manifest.json").read_bytes()
    )
    found: dict[str, Any] = manifest["environments"]
    return found


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
    lock = orchard.baseline("OrchardFlow", "orchard") / start["lock"]["file"]
    assert lock.read_text("utf-8").startswith(f"# platform: {this_platform()}\n@EXPLICIT\n")
    recorded = orchard.artifacts("OrchardFlow", "orchard")
    assert recorded["start"]["[]"]["trees"]["value"] == ["2.1", "1.16.0"]
    assert recorded["start"]["[]"]["inside"]["value"] is True
    assert recorded["pick"]["[]"]["apples"]["value"] == "2.0.0"
    assert recorded["pick"]["[]"]["frames"]["value"] == "not here"
    prefixes = [one.parent for one in session_folder.glob("environments/*/conda-meta")]
    assert len(prefixes) >= 3  # one of them is the one that was edited
    for prefix in prefixes:
        assert prefix.joinpath("pycache", *prefix.parts[1:]).is_symlink()

    assert orchard.drift("orchard.py") == []
    orchard.edit("orchard.py", '"six": ">=1.15"', '"six": ">=1.16"')
    found = orchard.drift("orchard.py", "-k", "environment")
    assert found == ["OrchardFlow: package requirement six changed"] * 2
    channel.add("six", "2.1.0")
    assert "OrchardFlow: package six changed" in orchard.drift(
        "orchard.py", "-k", "environment", "--flow-repro-env=fresh"
    )
    orchard.edit("pyproject.toml", "record-runs", 'conda = "pypi"\nrecord-runs')
    orchard.check("orchard.py", "-k", "environment").stdout.fnmatch_lines(
        ["step start (@conda) was recorded with packages from conda, and takes them from PyPI*"]
    )


def test_without_the_extra_the_reader_is_told_what_to_do(
    orchard: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rattler", None)
    result = orchard.record("orchard.py", "-k", "code")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "step start (@conda) takes packages from conda, and py-rattler is not installed.",
            "What to do: install it with `pip install 'pytest-flowrepro[[]conda[]]'`, or take *",
        ]
    )


def test_a_package_that_no_channel_has_is_named(orchard: Project) -> None:
    orchard.edit("orchard.py", '"frames": "2.1"', '"frames": "3.0"')
    result = orchard.record("orchard.py", "-k", "code")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*step start (@conda): no channel has frames ==3.0."])
