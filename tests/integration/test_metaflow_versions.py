"""Flows that are locked to an older Metaflow than today's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import HELLO

if TYPE_CHECKING:
    from conftest import Project


@pytest.mark.parametrize("version", ["2.12.0", "2.17.5"])
def test_a_flow_under_an_older_metaflow_records_and_checks(project: Project, version: str) -> None:
    project.place_flows("versions")
    project.write("requirements.txt", f"metaflow=={version}\n")
    result = project.record()
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(
        ["*step fire ran on this machine; * (@kubernetes)", "*step start took 2 attempts"]
    )
    recorded = project.artifacts("KilnFlow", "kiln")
    assert recorded["start"]["[]"]["@card(default)"]["value"] == "rendered"
    assert list(recorded["fire"]["[1]"]) == ["cracked"]
    assert list(recorded["unload"]["[]"]) == ["pots"]
    project.edit("kiln.py", "a crack", "a chip")
    project.edit("glazes.txt", "ash", "ashes")
    assert project.drift() == [  # all else reproduces
        "KilnFlow: parameter glazes changed",
        "KilnFlow: artifact start.shelf changed",
        "KilnFlow: artifact fire.pot[0] changed",
        "KilnFlow: artifact fire.cracked[1] changed",
        "KilnFlow: artifact unload.pots changed",
    ]


def test_a_metaflow_that_is_too_old_is_refused(project: Project) -> None:
    project.write("flow.py", HELLO)
    # Of its time: it looks for plugins by setuptools' pkg_resources.
    project.write("requirements.txt", "metaflow==2.5.4\nsetuptools<70\n")
    result = project.record("-k", "code")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "*flow.py: Metaflow did not load the extension of pytest-flowrepro",
            "What to do: require metaflow>=2.8, *",
        ]
    )
