"""Bad input ends in a sentence that names the file and what to do, and in no traceback of ours."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest
from conftest import HELLO
from recordings import reseal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Project


def no_traceback_of_ours(result: pytest.RunResult) -> None:
    result.stdout.no_fnmatch_line("*pytest_flowrepro/*.py*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def conflict(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('  "schema"', '<<<<<<< HEAD\n  "schema"', 1), encoding="utf-8")


def conflict_in_lock(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(f"<<<<<<< HEAD\n{text}=======\n>>>>>>> other\n", encoding="utf-8")


def newer(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert '"schema": 1' in text
    file.write_text(text.replace('"schema": 1', '"schema": 999', 1), encoding="utf-8")


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("artifacts.json", truncate, "*artifacts.json*"),
        ("manifest.json", truncate, "*manifest.json*"),
        ("manifest.json", conflict, "*manifest.json*line 2*conflict*"),
        ("artifacts.json", newer, "*artifacts.json has schema 999*"),
        ("lock-base.txt", lambda file: file.write_text(""), "*lock-base.txt: is empty*"),
        ("lock-base.txt", conflict_in_lock, "*lock-base.txt: line 1: a merge conflict*"),
    ],
)
def test_a_damaged_baseline_is_an_error_that_names_the_file(
    hello: Project, name: str, damage: Callable[[Path], None], said: str
) -> None:
    damage(hello.baseline("HelloFlow") / name)
    result = hello.check()
    result.assert_outcomes(errors=5)
    result.stdout.fnmatch_lines([said, "*What to do:*"])
    no_traceback_of_ours(result)


def test_the_steps_and_their_environments_are_those_of_the_code(hello: Project) -> None:
    manifest = hello.baseline("HelloFlow") / "manifest.json"
    recorded = manifest.read_text(encoding="utf-8")
    decorator = '"decorators": [{"name": "retry", "attributes": {"times": 2}}]}'
    manifest.write_text(recorded.replace('"decorators": []}', decorator, 1), encoding="utf-8")
    hello.check().assert_outcomes(errors=5)

    reseal(manifest.parent)  # as somebody would who knows how a baseline is sealed
    result = hello.check("-k", "not environment")
    result.assert_outcomes(errors=4, deselected=1)
    result.stdout.fnmatch_lines(
        ["The baseline of HelloFlow records step start otherwise than its code files define*"]
    )
    no_traceback_of_ours(result)

    manifest.write_text(recorded, encoding="utf-8")
    reseal(manifest.parent)
    hello.edit("flow.py", "import FlowSpec", "import pypi, FlowSpec")
    hello.edit(
        "flow.py",
        "    @step\n    def end",
        '    @pypi(packages={"six": "1.16.0"})\n    @step\n    def end',
    )
    result = hello.check("-k", "environment")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(
        ["*step end (@pypi) asks for packages of its own, and the baseline of HelloFlow has no*"]
    )


def test_a_hash_that_does_not_match_is_an_error_that_shows_both(hello: Project) -> None:
    lock = hello.baseline("HelloFlow") / "lock-base.txt"
    lines = lock.read_text(encoding="utf-8").splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith("idna=="))
    end = next(i for i in range(start + 1, len(lines)) if "--hash" not in lines[i])
    wrong = [f"    --hash=sha256:{'0' * 64}\n"]
    lock.write_text("".join(lines[: start + 1] + wrong + lines[end:]), encoding="utf-8")
    manifest = hello.baseline("HelloFlow") / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    manifest.write_text(re.sub(r'"sha256": "\w+"}', f'"sha256": "{digest}"}}', text), "utf-8")
    reseal(lock.parent)
    result = hello.check("-k", "environment")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*idna*", f"*{'0' * 64}*"])
    no_traceback_of_ours(result)


def test_a_requirement_that_does_not_exist_is_named(project: Project) -> None:
    project.write("flow.py", HELLO)
    project.write("requirements.txt", "no-such-distribution-of-flowrepro==1.0\n")
    result = project.record()
    result.assert_outcomes(errors=5)
    result.stdout.fnmatch_lines(
        ["*requirements.txt*", "*no-such-distribution-of-flowrepro*", "*What to do:*"]
    )
    no_traceback_of_ours(result)
    assert not (project.path / "__flowrepro__").exists()


def test_an_index_that_cannot_be_reached_is_not_a_missing_package(
    unrun_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://user:s3cret@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    unrun_project.write("flow.py", HELLO)
    result = unrun_project.record("-k", "environment")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*index*reach*"])
    assert "s3cret" not in result.stdout.str()
    no_traceback_of_ours(result)


def test_a_flow_that_hangs_is_stopped_and_named(hello: Project) -> None:
    hangs = 'import subprocess; subprocess.run(["sleep", "600"]); print("counted"'
    hello.edit("flow.py", 'print("counted"', hangs)
    result = hello.check("--flow-repro-timeout=8")
    result.assert_outcomes(passed=3, failed=1, errors=1)
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


def test_an_invalid_version_of_a_step_is_named(hello: Project) -> None:
    hello.edit("flow.py", "FlowSpec, Parameter", "FlowSpec, Parameter, pypi")
    hello.edit(
        "flow.py",
        "    @step\n    def count",
        "    @pypi(packages={'six': 'newest!'})\n    @step\n    def count",
    )
    result = hello.check("-k", "code")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "Step count: 'six' with version 'newest!' is not a valid requirement",
            "*What to do: *`>=1.2,<2`*",
        ]
    )
    no_traceback_of_ours(result)


def test_a_required_parameter_without_a_value_is_named(hello: Project) -> None:
    hello.edit("flow.py", 'Parameter("whom", default="world")', 'Parameter("whom", required=True)')
    result = hello.check("-k", "step[start]")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*whom*", "*parameters = *whom*"])
    no_traceback_of_ours(result)


def test_an_undeclared_library_is_named(hello: Project) -> None:
    hello.edit("flow.py", "self.greeting = ", "import xxhash; self.greeting = ")
    result = hello.check("-k", "step[start]")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["*add the package that provides `xxhash`*"])


def test_a_missing_included_file_is_named(hello: Project) -> None:
    hello.edit("flow.py", "FlowSpec, Parameter", "FlowSpec, IncludeFile, Parameter")
    hello.edit(
        "flow.py",
        "    @step\n    def start",
        '    t = IncludeFile("t", default="no.csv")\n\n    @step\n    def start',
    )
    result = hello.check("-k", "code")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*no.csv*"])
    no_traceback_of_ours(result)


def test_the_json_report_of_an_error_says_error_and_never_drift(hello: Project) -> None:
    truncate(hello.baseline("HelloFlow") / "artifacts.json")
    (flow,) = hello.report()["flows"]
    assert flow["verdict"] == "error"
    assert "artifacts.json" in flow["error"]
    assert flow["changes"] == []
    assert json.dumps(flow)


def test_an_ignore_that_matches_nothing_is_an_error_that_names_the_key(hello: Project) -> None:
    table = "[tool.flowrepro.flow.HelloFlow]\nignore = ['start.greting']\n"
    hello.write("pyproject.toml", f"[tool.pytest]\n{table}")
    result = hello.check("-k", "step[start]")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(
        ["*.HelloFlow.ignore: `start.greting` matches no artifact; did you mean `start.greeting`*"]
    )
    # The project's own globs are for all its flows, and need not match in each.
    hello.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nignore = ['start.greting']\n")
    result = hello.check("-k", "step[start]")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["HelloFlow policy drifted"])


def test_an_ignored_artifact_is_not_compared(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', '"hollow "')
    table = "[tool.flowrepro.flow.HelloFlow]\nignore = ['*.letters', 'start.gr*', 'end.total']\n"
    hello.write("pyproject.toml", f"[tool.pytest]\n{table}")
    (flow,) = hello.report("-k", "step")["flows"]
    assert {change["kind"] for change in flow["changes"]} == {"policy"}


def test_settings_of_an_unknown_flow_are_reported(hello: Project) -> None:
    hello.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro.flow.HeloFlow]\ntimeout = 5\n")
    result = hello.check("--collect-only")
    result.stdout.fnmatch_lines(
        ["*tool.flowrepro.flow.HeloFlow: unknown flow; did you mean `HelloFlow`?*"]
    )
    hello.check("--collect-only", "flow.py").stdout.no_fnmatch_line("*HeloFlow*")
    assert hello.check("--collect-only", "-W", "error").ret == pytest.ExitCode.USAGE_ERROR
