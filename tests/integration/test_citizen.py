"""The plugin among pytest's own options and other plugins."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from conftest import SHARED

if TYPE_CHECKING:
    from conftest import Project


def test_the_environment_is_checked_without_a_rerun(hello: Project) -> None:
    hello.edit("flow.py", "self.greeting = ", "open(MARK, 'w').close(); self.greeting = ")
    hello.edit("flow.py", "class Hello", f"MARK = {str(hello.path / 'ran')!r}\n\n\nclass Hello")
    hello.check("-k", "environment").assert_outcomes(passed=1, deselected=4)
    assert not (hello.path / "ran").exists()
    # The mark does tell: a step's test reruns the flow.
    hello.check("-k", "step[end]").assert_outcomes(passed=1, deselected=4)
    assert (hello.path / "ran").exists()


def test_x_and_lf(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', "1 / 0")
    hello.check("-x").assert_outcomes(passed=2, failed=1)
    hello.check("--lf").assert_outcomes(failed=1)


def test_the_marker_selects_flows_under_strict_markers(hello: Project) -> None:
    hello.write("test_other.py", "def test_other():\n    pass\n")
    result = hello.check(
        "-m", "flowrepro", "--collect-only", "-q", "--strict-markers", "--strict-config"
    )
    assert result.ret == 0
    assert len([line for line in result.outlines if "HelloFlow::" in line]) == 5
    result.stdout.no_fnmatch_line("*test_other*")


def test_junit_properties_show_verdict_and_seconds(hello: Project) -> None:
    hello.check("--junitxml=junit.xml")
    cases = ET.parse(hello.path / "junit.xml").findall(".//testcase")
    by_name = {case.get("name"): case for case in cases}
    properties = {
        item.get("name"): item.get("value") for item in by_name["step[count]"].iter("property")
    }
    assert properties["flowrepro.flow"] == "HelloFlow"
    assert properties["flowrepro.part"] == "step[count]"
    assert properties["flowrepro.verdict"] == "reproduced"
    assert properties["flowrepro.changes"] == "0"
    assert float(properties["flowrepro.seconds.rerun"] or 0) > 0


@pytest.mark.parametrize(
    "dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each"]
)
def test_xdist_reruns_a_flow_and_shows_its_drift_once_under_any_distribution(
    hello: Project, dist: str
) -> None:
    hello.edit("flow.py", "self.greeting = ", "open(MARK, 'a').write('x'); self.greeting = ")
    hello.edit("flow.py", "class Hello", f"MARK = {str(hello.path / 'ran')!r}\n\n\nclass Hello")
    hello.edit("flow.py", '"hello "', '"hollow "')
    result = hello.check_apart("-n", "2", "--dist", dist)
    workers = 2 if dist == "each" else 1
    result.assert_outcomes(passed=2 * workers, failed=3 * workers)
    assert (hello.path / "ran").read_text() == "x"
    result.stdout.fnmatch_lines(["drifted     flow.py::HelloFlow*"])
    shown = [line for line in result.outlines if line == "HelloFlow step[start] drifted"]
    assert len(shown) == workers, "once for each test that failed"


def test_xdist_records(hello: Project) -> None:
    hello.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n")
    hello.edit("flow.py", '"hello "', '"hollow "')
    hello.check_apart("-n", "2", "--flow-repro-update").assert_outcomes(passed=5)
    recorded = {s: one["[]"] for s, one in hello.artifacts("HelloFlow").items()}
    assert recorded["start"]["greeting"]["value"] == "hollow world"
    assert recorded["end"]["total"]["value"] == 6


@pytest.mark.parametrize(
    "name_and_text",
    [
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "--flow-repro"\n'),
        ("pyproject.toml", '[tool.pytest]\naddopts = ["--flow-repro"]\n'),
        ("pytest.ini", "[pytest]\naddopts = --flow-repro\n"),
    ],
)
def test_it_can_be_switched_on_in_the_configuration(
    hello: Project, name_and_text: tuple[str, str]
) -> None:
    hello.write(*name_and_text)
    result = hello.pytester.runpytest_inprocess("--collect-only", "-q")
    assert len([line for line in result.outlines if "HelloFlow::" in line]) == 5


def test_a_terminal_sees_a_line_for_each_stage(hello: Project) -> None:
    ours, theirs = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest", *SHARED, "--flow-repro", "-k", "step[start]"],
        cwd=hello.path,
        stdout=theirs,
        stdin=subprocess.DEVNULL,
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # how a terminal of Linux ends
        while data := os.read(ours, 4096):
            seen += data
    os.close(ours)
    assert child.wait(30) == 0
    stages = ("rebuilding the environment", "packaging", "running", "reading artifacts")
    places = [seen.find(f"HelloFlow: {stage}".encode()) for stage in stages]
    assert -1 not in places
    assert places == sorted(places)
