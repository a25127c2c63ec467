"""Flows that are locked to an older Metaflow than today's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import HELLO

if TYPE_CHECKING:
    from conftest import Project


@pytest.mark.parametrize("version", ["2.12.0", "2.16.8"])
def test_a_flow_under_an_older_metaflow_records_and_checks(project: Project, version: str) -> None:
    project.write("flow.py", HELLO)
    project.write("requirements.txt", f"metaflow=={version}\n")
    project.record().assert_outcomes(passed=5)
    project.edit("flow.py", '"hello "', '"hollow "')
    result = project.check()
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.fnmatch_lines(["start.greeting  changed: 'hello world' -> 'hollow world'"])
