"""The plugin among pytest's own options and other plugins."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pyte
import pytest
from conftest import HELLO, SHARED
from recorded_repository import record
from recordings import artifact, recording, task

from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult

if TYPE_CHECKING:
    from conftest import Project


@pytest.fixture
def project(unrun_project: Project) -> Project:
    """A project whose only flow is HelloFlow in flow.py; it has no baseline, and is not run."""
    unrun_project.write("flow.py", HELLO)
    return unrun_project


def test_the_environment_is_checked_without_a_rerun_and_a_terminal_sees_each_stage(
    hello: Project,
) -> None:
    hello.edit("flow.py", "self.greeting = ", "open(MARK, 'w').close(); self.greeting = ")
    hello.edit("flow.py", "class Hello", f"MARK = {str(hello.path / 'ran')!r}\n\n\nclass Hello")
    hello.check("-k", "environment").assert_outcomes(passed=1, deselected=4)
    assert not (hello.path / "ran").exists()
    # The mark does tell: a step's test reruns the flow.
    seen = in_terminal(hello, "--flow-repro", "-v", "-k", "step[end]")
    assert (hello.path / "ran").exists()
    stages = ("rebuilding the environment", "packaging", "running", "reading artifacts")
    places = [seen.find(f"HelloFlow: {stage}".encode()) for stage in stages]
    assert places[2] != -1, "the rerun takes longer than the line is drawn anew"
    assert [place for place in places if place != -1] == sorted(set(places) - {-1})
    left = on_screen(seen)
    assert any(line.startswith("flow.py::HelloFlow::step[end] PASSED") for line in left)
    assert not any("HelloFlow: " in line for line in left)


def on_screen(seen: bytes) -> list[str]:
    """Return the lines of a terminal, with those that have left its screen."""
    screen = pyte.HistoryScreen(100, 12, history=1000)
    pyte.ByteStream(screen).feed(seen)
    above = ["".join(line[at].data for at in range(100)) for line in screen.history.top]
    return [line.rstrip() for line in (*above, *screen.display)]


def in_terminal(project: Project, *args: str) -> bytes:
    """Run pytest, which passes, and return what a terminal shows of it."""
    ours, theirs = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest", *SHARED, *args],
        cwd=project.path,
        stdout=theirs,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # how a terminal of Linux ends
        while data := os.read(ours, 4096):
            seen += data
    os.close(ours)
    assert child.wait(30) == 0
    return seen


def test_the_marker_selects_flows_under_strict_markers(project: Project) -> None:
    project.write("test_other.py", "def test_other():\n    pass\n")
    result = project.check(
        "-m", "flowrepro", "--collect-only", "-q", "--strict-markers", "--strict-config"
    )
    assert result.ret == 0
    assert len([line for line in result.outlines if "HelloFlow::" in line]) == 5
    result.stdout.no_fnmatch_line("*test_other*")


def test_junit_properties_show_verdict_and_seconds(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduced = PartResult(
        verdict="reproduced", seconds=(("rerun", 1.5),), notes=("ran on \x1b[1mone core",)
    )
    monkeypatch.setattr(PartItem, "_evaluate", lambda _: reproduced)
    project.check("--junitxml=junit.xml")
    code, *others = junit_cases(project)
    shared = {
        "flowrepro.flow": "HelloFlow",
        "flowrepro.verdict": "reproduced",
        "flowrepro.changes": "0",
        "flowrepro.nondeterministic": "0",
    }
    assert properties_of(code) == shared | {
        "flowrepro.part": "code",
        "flowrepro.seconds.rerun": "1.5",
        "flowrepro.note": "ran on \\u001b[1mone core",
    }
    for case in others:
        assert properties_of(case) == shared | {"flowrepro.part": case.get("name")}


def junit_cases(project: Project) -> list[ET.Element]:
    return ET.parse(project.path / "junit.xml").findall(".//testcase")


def properties_of(case: ET.Element) -> dict[str | None, str | None]:
    return {item.get("name"): item.get("value") for item in case.iter("property")}


@pytest.mark.parametrize("more", [(), ("--maxfail=1",), ("-n1", "--dist=loadgroup")])
def test_junit_has_the_ids_that_pytest_prints(project: Project, more: tuple[str, ...]) -> None:
    case = "[tool.flowrepro.flow.HelloFlow.case.small]\n"
    project.write("pyproject.toml", f"[tool.pytest]\n{case}")
    project.write("flows/a.b/train.py", HELLO)
    result = project.check_apart("--junitxml=junit.xml", *more)

    cases = {
        (case.get("classname"), case.get("name")): [
            child.tag for child in case if child.tag != "properties"
        ]
        for case in junit_cases(project)
    }
    parts = ("code", "environment", "step[start]", "step[count]", "step[end]")
    flows = [
        f"{file}.HelloFlow{case}" for file in ("flow", "flows.a.b.train") for case in ("", "@small")
    ]
    assert sorted(cases) == sorted((flow, part) for flow in flows for part in parts)
    printed = [line.split()[1] for line in result.outlines if line.startswith("FAILED ")]
    failed = [f"{flow}::{part}" for (flow, part), tags in cases.items() if tags == ["failure"]]
    assert sorted(failed) == sorted(
        nodeid.replace("/", ".").replace(".py::", ".") for nodeid in printed
    )
    assert failed


RERUN = """\
import time
from pathlib import Path

from checked_flows import observation
from recordings import artifact, recording, task

from pytest_flowrepro.pipeline import Environments
from pytest_flowrepro.plugin.flow_check import FlowCheck


def rerun(check):
    with Path(__file__).with_name("ran").open("a") as ran:
        ran.write("x")
    time.sleep(0.5)  # the other workers wait for it
    greeted = task("start", artifact("greeting", "hollow world"))
    return observation(observed=recording(greeted, flow="HelloFlow"))


FlowCheck._observe = rerun
FlowCheck.environments = lambda check: Environments(manifests=check.baseline.environments)
"""
"""A conftest.py with a rerun that takes no Metaflow: the greeting has drifted."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each"]
)
def test_xdist_reruns_a_flow_and_shows_its_drift_once_under_any_distribution(
    project: Project, dist: str
) -> None:
    project.write("conftest.py", RERUN)
    then = recording(task("start", artifact("greeting", "hello world")), flow="HelloFlow")
    record(project.path, then, "flow.py")
    result = project.check_apart("-n", "2", "--dist", dist, "--junitxml=junit.xml")
    workers = 2 if dist == "each" else 1
    result.assert_outcomes(passed=4 * workers, failed=workers)
    assert (project.path / "ran").read_text() == "x"
    result.stdout.fnmatch_lines(["drifted     flow.py::HelloFlow*"])
    shown = [line for line in result.outlines if line == "HelloFlow step[start] drifted"]
    assert len(shown) == workers, "once for each test that failed"
    reruns = [
        case for case in junit_cases(project) if "flowrepro.seconds.rerun" in properties_of(case)
    ]
    assert len(reruns) == 1, "that of the test that reran the flow"


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
    project: Project, name_and_text: tuple[str, str]
) -> None:
    project.write(*name_and_text)
    result = project.pytester.runpytest_inprocess("--collect-only", "-q")
    assert len([line for line in result.outlines if "HelloFlow::" in line]) == 5
