"""`pytest --flow-repro`: what it says of a flow that reproduces, and of one that does not."""

from __future__ import annotations

import shutil
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from conftest import HELLO

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project


def test_a_recorded_flow_reproduces_and_nothing_is_written_into_the_users_tree(
    hello: Project,
) -> None:
    before = sorted(hello.path.rglob("*"))
    result = hello.check("-v", "-p", "no:cacheprovider")
    assert sorted(hello.path.rglob("*")) == before
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(
        [
            "flowrepro: *check, by uv",
            "flow.py::HelloFlow::code PASSED*",
            "flow.py::HelloFlow::environment PASSED*",
            "flow.py::HelloFlow::step[[]start[]] PASSED*",
            "flow.py::HelloFlow::step[[]count[]] PASSED*",
            "flow.py::HelloFlow::step[[]end[]] PASSED*",
            "reproduced  flow.py::HelloFlow*",
        ]
    )
    # A line for each stage is for a terminal: test_citizen has one.
    result.stdout.no_fnmatch_line("*HelloFlow: running*")


def test_what_changed_fails_its_step_and_is_shown_with_both_values(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', '"hullo "')
    hello.edit("flow.py", 'default="world"', 'default="would"')
    result = hello.check()
    # As many of l and o: the later steps are as they were.
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        ["*HelloFlow step[[]start[]] drifted*", "*greeting*hello world*hullo would*"]
    )
    result.stdout.fnmatch_lines(["*name_to_greet*world*would*"])  # a parameter, in the first step
    # The test of the code passes: its change is shown only.
    result.stdout.fnmatch_lines(["drifted  *; 1 file changed since the baseline*"])


def test_without_a_baseline_the_first_test_fails_and_say_how_to_record(
    unrun_project: Project,
) -> None:
    unrun_project.write("flow.py", HELLO)
    result = unrun_project.check("-rs")
    result.assert_outcomes(failed=1, skipped=4)
    result.stdout.fnmatch_lines(
        [
            "HelloFlow has no baseline yet",
            "*--flow-repro-update-new flow.py*",
            "SKIPPED [[]4[]] flow.py:4: no baseline yet: see code",
        ]
    )


def test_a_flow_without_a_baseline_fails_although_the_test_that_says_so_is_skipped(
    unrun_project: Project,
) -> None:
    unrun_project.write("flow.py", HELLO)
    skipping = """
        import pytest

        def pytest_collection_modifyitems(items):
            items[0].add_marker(pytest.mark.skip(reason="not now"))
    """
    unrun_project.write("conftest.py", dedent(skipping))
    result = unrun_project.check()
    result.assert_outcomes(skipped=5)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["no baseline  flow.py::HelloFlow*"])


def test_a_step_that_fails_shows_its_output_and_traceback_and_the_line_to_add(
    hello: Project,
) -> None:
    hello.write("data/rates.csv", "1,2\n")
    fails = 'print("before the fall", flush=True); open("data/rates.csv")\n        print("counted"'
    hello.edit("flow.py", 'print("counted"', fails)
    result = hello.check("-rs")
    result.assert_outcomes(passed=3, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*step count of HelloFlow failed (exit code 1)*",
            "*FileNotFoundError: * 'data/rates.csv'*",
            "*[[]tool.flowrepro.flow.HelloFlow[]]*",
            '*include = *"data/rates.csv"*',
        ]
    )
    result.stdout.fnmatch_lines(["*Captured stdout call*", "*before the fall*"])
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] flow.py:4: not reached: step count failed"])
    text = result.stdout.str()
    assert text.count("Traceback (most recent call last)") == 1
    assert 'of Metaflow left out ...]\n  File "flow.py", line 15, in count\n' in text


def test_a_file_that_a_parameter_names_is_packaged_and_read(hello: Project) -> None:
    hello.edit("flow.py", "FlowSpec, Parameter", "FlowSpec, IncludeFile, Parameter")
    words = 'words = IncludeFile("words", default="not-there.txt")'
    hello.edit("flow.py", "    @step\n    def start", f"    {words}\n\n    @step\n    def start")
    hello.write("words/other.txt", "some words")
    table = "[tool.flowrepro.flow.HelloFlow]\nparameters = { words = 'words/other.txt' }\n"
    hello.write("pyproject.toml", f"[tool.pytest]\n{table}")
    (flow,) = hello.report()["flows"]
    found = {(change["kind"], change["name"]): change["new"] for change in flow["changes"]}
    assert found.keys() == {
        ("code", "flow.py"),
        ("code", "words/other.txt"),
        ("parameter", "words"),
    }
    assert found["parameter", "words"] == "'some words'"


def test_a_flow_outside_the_root_directory_is_its_own_project(
    hello: Project, tmp_path: Path
) -> None:
    shutil.copytree(hello.path, tmp_path / "elsewhere")
    file = str(tmp_path / "elsewhere" / "flow.py")
    result = hello.check(file, f"--rootdir={hello.path}", "-k", "environment")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(["environment reproduced  flow.py::HelloFlow*"])
