"""Bad input ends in a sentence that names the file and what to do, and in no traceback of ours.

One input of each kind: the messages for the others are in the unit tests of the modules.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import HELLO
from recorded_repository import record
from recordings import recording

if TYPE_CHECKING:
    from conftest import Project


def no_traceback_of_ours(result: pytest.RunResult) -> None:
    result.stdout.no_fnmatch_line("*pytest_flowrepro/*.py*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_a_damaged_baseline_is_an_error_and_never_drift(unrun_project: Project) -> None:
    unrun_project.write("flow.py", HELLO)
    manifest = record(unrun_project.path, recording(flow="HelloFlow"), "flow.py") / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('  "schema"', '<<<<<<< HEAD\n  "schema"'), encoding="utf-8")
    damaged = unrun_project.baseline_bytes()
    result = unrun_project.check("--flow-repro-json=report.json")
    result.assert_outcomes(errors=5)
    result.stdout.fnmatch_lines(["*manifest.json*line 2*conflict*", "*What to do:*"])
    no_traceback_of_ours(result)
    assert unrun_project.baseline_bytes() == damaged
    (flow,) = json.loads((unrun_project.path / "report.json").read_bytes())["flows"]
    assert flow["verdict"] == "error"
    assert "manifest.json" in flow["error"]
    assert flow["changes"] == []


def test_an_index_that_cannot_be_reached_is_not_a_missing_package(
    unrun_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://user:s3cret@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    unrun_project.write("flow.py", HELLO)
    result = unrun_project.record("-k", "environment")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*index*reach*", "*What to do:*"])
    assert "s3cret" not in result.stdout.str()
    no_traceback_of_ours(result)
    assert not (unrun_project.path / "__flowrepro__").exists()


def test_a_flow_that_hangs_is_stopped_and_named(hello: Project) -> None:
    hangs = 'import subprocess; subprocess.run(["sleep", "600"]); print("counted"'
    hello.edit("flow.py", 'print("counted"', hangs)
    result = hello.check("--flow-repro-timeout=8", "-rs")
    result.assert_outcomes(passed=3, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["*step count of HelloFlow failed (stopped after 8 s)*", "*--flow-repro-timeout SECONDS*"]
    )
    result.stdout.fnmatch_lines(
        ["Running when it was stopped, and ended:", "    the task of step count", "    sleep 600"]
    )
    result.stdout.fnmatch_lines(["*not reached: step count failed*"])


def test_a_flow_that_is_not_valid_for_metaflow_gets_metaflows_own_words(hello: Project) -> None:
    hello.edit("flow.py", "self.next(self.end)", "self.next(self.finish)")
    result = hello.check("-k", "code")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*finish*", "*What to do:*"])
    no_traceback_of_ours(result)


def test_settings_of_an_unknown_flow_are_reported(unrun_project: Project) -> None:
    unrun_project.write("flow.py", HELLO)
    unrun_project.write(
        "pyproject.toml", "[tool.pytest]\n[tool.flowrepro.flow.HeloFlow]\ntimeout = 5\n"
    )
    result = unrun_project.check("--collect-only")
    result.stdout.fnmatch_lines(
        ["*tool.flowrepro.flow.HeloFlow: unknown flow; did you mean `HelloFlow`?*"]
    )
    unrun_project.check("--collect-only", "flow.py").stdout.no_fnmatch_line("*HeloFlow*")
    assert unrun_project.check("--collect-only", "-W", "error").ret == pytest.ExitCode.USAGE_ERROR
