"""Whatever keeps a test from its result makes its flow an error, in every report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from report_schema import report_schema, validator

from pytest_flowrepro.plugin import reporting
from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult
from pytest_flowrepro.report import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Project

FLOW = """\
from metaflow import FlowSpec, step


class {name}Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    {name}Flow()
"""
FORMS = ("json", "md", "html")


@pytest.fixture
def project(unrun_project: Project) -> Project:
    """The tests of its flows have their results at once."""
    return unrun_project


@pytest.fixture
def flows(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two flows, all of whose tests give that they are reproduced, without any rerun."""
    monkeypatch.setattr(PartItem, "_evaluate", lambda _: PartResult(verdict="reproduced"))
    for name in ("A", "B"):
        project.write(f"{name.lower()}.py", FLOW.format(name=name))
    return project


def verdicts(
    project: Project, *args: str, check: Callable[..., pytest.RunResult] | None = None
) -> tuple[pytest.RunResult, dict[str, str]]:
    """The verdict of each flow, which all reports agree on."""
    paths = [f"--flow-repro-{form}=r.{form}" for form in FORMS]
    result = (check or project.check)(*args, *paths, "--junitxml=r.xml")
    found = {
        flow["flow"]: flow["verdict"]
        for flow in json.loads((project.path / "r.json").read_bytes())["flows"]
    }
    shown = "\n".join(result.outlines)
    markdown = (project.path / "r.md").read_text(encoding="utf-8")
    html = (project.path / "r.html").read_text(encoding="utf-8")
    for name, verdict in found.items():
        assert re.search(rf"^{verdict} +\w\.py::{name}\b", shown, re.MULTILINE)
        assert re.search(rf"\| {verdict} \| `\w\.py::{name}` ", markdown)
        assert re.search(rf"{verdict}.*{name}", html, re.DOTALL)
    return result, found


def in_junit(project: Project) -> dict[str, str | None]:
    """Test -> what its case has: `error`, `failure`, or nothing."""
    root = ET.fromstring((project.path / "r.xml").read_text(encoding="utf-8"))
    return {
        f"{case.get('classname')}::{case.get('name')}": next(
            (child.tag for child in case if child.tag in {"error", "failure"}), None
        )
        for case in root.iter("testcase")
    }


def test_without_a_fault_all_is_reproduced(flows: Project) -> None:
    result, found = verdicts(flows)
    assert (result.ret, found) == (0, {"AFlow": "reproduced", "BFlow": "reproduced"})
    assert set(in_junit(flows).values()) == {None}


def test_a_fault_of_our_own_is_one_sentence_and_a_file_with_its_traceback(
    flows: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(item: PartItem) -> PartResult:
        if item.job.flow.name == "AFlow":
            raise ZeroDivisionError("of ours\nand more")
        return PartResult(verdict="reproduced")

    monkeypatch.setattr(PartItem, "_evaluate", judged)
    result, found = verdicts(flows)
    result.assert_outcomes(errors=4, passed=4)
    assert found == {"AFlow": "error", "BFlow": "reproduced"}
    (sentence,) = {line for line in result.outlines if line.startswith("Internal error of")}
    assert "while checking AFlow" in sentence
    assert "ZeroDivisionError: of ours" in sentence
    file = re.search(r"the full traceback is in (\S+):", sentence)
    assert file is not None
    assert "in judged" in Path(file[1]).read_text(encoding="utf-8")
    errors, _, _ = str(result.stdout).partition("short test summary")  # in CI it repeats them
    assert errors.count("(as above)") == 3
    result.stdout.no_fnmatch_line("*Traceback*")
    assert list(in_junit(flows).values()).count("error") == 4


@pytest.mark.parametrize("options", [(), ("--continue-on-collection-errors",), ("-n", "2")])
def test_a_file_that_could_not_be_collected_is_in_every_report(
    project: Project, options: tuple[str, ...]
) -> None:
    project.write("a.py", FLOW.format(name="A"))
    project.write("b.py", FLOW.format(name="B").replace("def start(self):", "def start(self:"))
    paths = [f"--flow-repro-{form}=r.{form}" for form in FORMATS]
    result = project.check_apart(*options, *paths, "--junitxml=r.xml")

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*= flow-repro =*", "*a.py::AFlow*", "1 file not collected: b.py"])
    report = json.loads((project.path / "r.json").read_bytes())
    validator(report_schema()).validate(report)
    (uncollected,) = report["uncollected"]
    assert uncollected["file"] == "b.py"
    assert uncollected["error"].startswith("b.py, line 6: not valid Python")
    for form in FORMATS:
        text = (project.path / f"r.{form}").read_text(encoding="utf-8")
        assert "b.py, line 6: not valid Python" in text
    assert in_junit(project)["::b"] == "error"
    (flow,) = report["flows"]
    if not options:
        assert flow["error"].splitlines()[0].endswith("did not run (1 file not collected)")


def drifted(item: PartItem) -> PartResult:
    if item.nodeid == "a.py::AFlow::environment":
        return PartResult(verdict="drifted", failure="it drifted")
    return PartResult(verdict="reproduced")


HOOK = """\
import pytest

@pytest.hookimpl({order}=True)
def {name}(item):
    if item.nodeid == "a.py::AFlow::environment":
        {statement}
"""


def hook(name: str, statement: str) -> str:
    order = "trylast" if name == "teardown" else "tryfirst"
    return HOOK.format(name=f"pytest_runtest_{name}", statement=statement, order=order)


REPRODUCED, ERROR = "reproduced", "error"

# What happens in one test of flow A -> exit code, verdict of B, broken cases in JUnit.
FAULTS = {
    "setup": (hook("setup", "1 / 0"), 1, REPRODUCED, 1),
    "call": (hook("call", "1 / 0"), 1, REPRODUCED, 1),
    "teardown": (hook("teardown", "1 / 0"), 1, REPRODUCED, 1),
    "report": (hook("makereport", "1 / 0"), 3, ERROR, 7),
    "Ctrl-C": (
        hook("setup", "raise KeyboardInterrupt"),
        2,
        ERROR,
        7,
    ),
    "exit 0": (
        hook("setup", "pytest.exit('enough', returncode=0)"),
        1,
        ERROR,
        7,
    ),
    "exit 77": (
        hook("setup", "pytest.exit('enough', returncode=77)"),
        77,
        ERROR,
        7,
    ),
    "left out": (
        hook("protocol", "return True"),
        1,
        REPRODUCED,
        1,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_flow_of_which_a_test_has_no_result_is_an_error(flows: Project, fault: str) -> None:
    conftest, status, verdict_of_the_other, broken = FAULTS[fault]
    flows.write("conftest.py", conftest)

    def check(*args: str) -> pytest.RunResult:
        return flows.pytester.runpytest_inprocess("--flow-repro", *args, no_reraise_ctrlc=True)

    result, found = verdicts(flows, check=check)
    assert found == {"AFlow": "error", "BFlow": verdict_of_the_other}
    assert result.ret == status
    assert 8 - list(in_junit(flows).values()).count(None) == broken


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_what_did_not_run_after_a_failure_is_an_error(
    flows: Project, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(PartItem, "_evaluate", drifted)
    result, found = verdicts(flows, option)
    assert found == {"AFlow": "error", "BFlow": "error"}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "error       a.py::AFlow*",
            "    AFlow: step[[]start[]], step[[]end[]] did not run (stopping after 1 failures)",
            "error       b.py::BFlow*",
        ]
    )
    result.assert_outcomes(passed=1, failed=1)
    # What fails is known as before; what did not run is not said to have failed.
    flows.check("--lf").assert_outcomes(failed=1)
    # What was left out on purpose is no error.
    _, found = verdicts(flows, "-k", "BFlow or code")
    assert found == {"AFlow": "reproduced", "BFlow": "reproduced"}


def test_a_fault_in_making_a_report_is_an_error(
    flows: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(reporting, "final_result", fail)
    result, found = verdicts(flows)
    assert found == {"AFlow": "error", "BFlow": "error"}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


KILLED = """\
import os
from pathlib import Path
from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult
from pytest_flowrepro.report import FORMATS

killed = Path(__file__).with_name("killed")

def judge():
    try:
        killed.touch(exist_ok=False)
    except FileExistsError:
        return "reproduced"
    os.kill(os.getpid(), 9)

def judged(item):
    if item.job.flow.name == "BFlow":
        return PartResult(verdict="reproduced")
    folder = item.flow_check.folder
    return PartResult(verdict={judge})

PartItem._evaluate = judged
"""
JUDGE = {
    "in a test": "judge()",
    "while it holds the lock of what all tests of the flow wait for": (
        'folder.once(item.job.folder, "observation", judge, encode=str, decode=str)'
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("where", JUDGE)
def test_a_killed_worker_makes_the_flow_of_its_test_an_error(flows: Project, where: str) -> None:
    flows.write("conftest.py", KILLED.format(judge=JUDGE[where]))
    result, found = verdicts(flows, "-n", "2", check=flows.check_apart)
    assert found == {"AFlow": "error", "BFlow": "reproduced"}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    # The others, which waited for it, have their results.
    assert list(in_junit(flows).values()).count(None) == 7
    report = json.loads((flows.path / "r.json").read_bytes())
    (error,) = report["flows"][0]["error"].splitlines()
    assert re.search(r"^AFlow \S+: did not run to the end: worker 'gw", error)


@pytest.mark.slow
def test_workers_that_find_no_flow_fail_the_run(project: Project) -> None:
    project.write("test_it.py", "def test_it():\n    pass\n")
    result = project.check_apart("-n", "1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*no flow was found, so nothing is checked:*"])
