"""Modules are imported when they are needed: the start of a session is most of a quick one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from conftest import HELLO

if TYPE_CHECKING:
    from conftest import Project

SEEN = """\
import json
import pathlib
import sys

before = set(sys.modules)

def pytest_unconfigure():
    loaded = sorted(set(sys.modules) - before)
    pathlib.Path(__file__).with_name("loaded.json").write_text(json.dumps(loaded))
"""
"""A conftest.py, which is loaded after the plugin's options and before its session begins."""

EXTERNAL = {"deepdiff", "filelock", "fsspec", "jinja2", "metaflow", "numpy", "pandas", "piptools"}
EXTERNAL |= {"python_discovery", "rattler", "shtab", "uv", "virtualenv", "yaml"}


def loaded(project: Project) -> set[str]:
    names = json.loads((project.path / "loaded.json").read_text(encoding="utf-8"))
    return set(names)


def external(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names} & EXTERNAL


def ours(names: set[str]) -> set[str]:
    """Return the folders of this plugin of which a module is loaded."""
    parts = (name.split(".") for name in names if name.startswith("pytest_flowrepro."))
    return {part[1] for part in parts}


def test_a_session_without_the_switch_loads_nothing(unrun_project: Project) -> None:
    unrun_project.write("conftest.py", SEEN)
    unrun_project.write("flow.py", HELLO)
    unrun_project.write("test_a.py", "def test_a():\n    pass\n")
    unrun_project.pytester.runpytest_subprocess().assert_outcomes(passed=1)
    assert not ours(loaded(unrun_project))
    assert not external(loaded(unrun_project))


def test_the_options_load_the_standard_library_only(unrun_project: Project) -> None:
    code = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import pytest_flowrepro.plugin\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - set(sys.stdlib_module_names)))\n"
    )
    result = unrun_project.pytester.runpython_c(code)
    result.stdout.fnmatch_lines(["pytest_flowrepro"])


def test_a_collection_loads_no_stage_but_that_which_finds_flows(unrun_project: Project) -> None:
    unrun_project.write("conftest.py", SEEN)
    unrun_project.write("flow.py", HELLO)
    result = unrun_project.pytester.runpytest_subprocess("--flow-repro", "--collect-only", "-q")
    assert result.ret == 0
    names = loaded(unrun_project)
    assert ours(names) == {"discover", "model", "plugin", "report", "settings", "support"}
    assert not names & {"pytest_flowrepro.report.formats", "pytest_flowrepro.plugin.flow_check"}
    assert not external(names)


def test_a_check_loads_what_explains_a_drift_when_there_is_one(project: Project) -> None:
    """The environment is there already: building it needs virtualenv, for one."""
    project.write("conftest.py", SEEN)
    project.write("flow.py", HELLO)
    project.record()
    project.check_apart().assert_outcomes(passed=5)
    assert external(loaded(project)) == {"filelock"}
    project.edit("flow.py", '"lo"', '"log"')
    project.check_apart("--flow-repro-json", "report.json").assert_outcomes(passed=4, failed=1)
    # deepdiff itself imports the libraries of data frames that are installed.
    assert external(loaded(project)) - {"numpy", "pandas"} == {"filelock", "deepdiff"}
