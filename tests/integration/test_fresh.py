"""`--flow-repro-env fresh`: what would move today, and whether the artifacts mind."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest
from local_index import LocalIndex

if TYPE_CHECKING:
    from conftest import Project

FLOW = """\
from metaflow import FlowSpec, step


class TasteFlow(FlowSpec):
    @step
    def start(self):
        import toolz

        self.tasted = list(toolz.unique("banana"))
        self.version = toolz.__version__ if TELL else "untold"
        self.next(self.end)

    @step
    def end(self):
        pass


TELL = False

if __name__ == "__main__":
    TasteFlow()
"""


def test_changes_of_packages_and_artifacts_are_reported_separately(project: Project) -> None:
    project.write("flow.py", FLOW)
    project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n")
    project.write("requirements.txt", "toolz<1\nmetaflow\n")
    project.record().assert_outcomes(passed=4)
    project.write("requirements.txt", "toolz<1.1\nmetaflow\n")

    result = project.check("--flow-repro-env=fresh")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "reproduced  flow.py::TasteFlow  1 package, 1 requirement changed *",
            "*toolz  changed: 0.12.1 -> 1.0.0 *shown only",
            "*uploaded 2024-10-04",
            "*artifacts unchanged",
        ]
    )

    project.edit("flow.py", "TELL = False", "TELL = True")
    report = project.report("--flow-repro-env=fresh")
    (flow,) = report["flows"]
    assert flow["verdict"] == "drifted"
    assert flow["notes"] == []
    (toolz,) = (change for change in flow["changes"] if change["name"] == "toolz")
    assert toolz["explanation"] == ["uploaded 2024-10-04"]

    # Without a rerun, too.
    result = project.check("--flow-repro-env=fresh", "-k", "environment")
    result.assert_outcomes(passed=1, deselected=3)
    result.stdout.fnmatch_lines(["*toolz  changed: 0.12.1 -> 1.0.0 *"])
    result.stdout.no_fnmatch_line("*artifacts unchanged*")
    # In the recorded environment, the declaration that changed is a finding of its own.
    result = project.check("-k", "environment")
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(["*requirement toolz*toolz<1 -> toolz<1.1*", "*record again*"])


@pytest.mark.network
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_resolution_that_fails_is_tried_once_and_fails_for_each_flow(
    unrun_project: Project, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TasteFlow", "SmellFlow", "HearFlow"):
        unrun_project.write(f"{name}.py", FLOW.replace("TasteFlow", name))
    unrun_project.write("requirements.txt", "metaflow\nflowrepro-nowhere\n")
    unrun_project.write("pyproject.toml", "[tool.pytest]\n")
    with LocalIndex() as index:
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index.url)
        result = unrun_project.check_apart(
            "--flow-repro-update", "-n", workers, "--dist", "loadfile"
        )
    assert result.ret == 1
    for name in ("TasteFlow", "SmellFlow", "HearFlow"):
        result.stdout.fnmatch_lines([f"error * {name}.py::{name}*"])
    assert len([path for path in index.asked if "nowhere" in path]) == 1


def test_fresh_as_of_a_day(hello: Project) -> None:
    result = hello.check("--flow-repro-env=fresh", "--flow-repro-as-of=2026-06-01", "-k", "environ")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(["*metaflow  changed: * -> 2.19.31 *"])


OF_STEPS = """\
from metaflow import FlowSpec, pypi, step


class KitchenFlow(FlowSpec):
    @pypi(packages={"toolz": "0.12.1"})
    @step
    def start(self):
        self.next(self.cook)

    @step
    def cook(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    KitchenFlow()
"""


def test_what_steps_declare_is_read_from_the_code_of_today(project: Project) -> None:
    project.write("flow.py", OF_STEPS)
    project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n")
    project.write("requirements.txt", "metaflow\n")
    project.record().assert_outcomes(passed=5)
    fresh = "--flow-repro-env=fresh"
    project.check(fresh, "-k", "environment").stdout.no_fnmatch_line("*toolz*")

    project.edit("flow.py", "0.12.1", "1.0.0")
    own = '    @pypi(packages={"six": "1.16.0"})\n    @step\n'
    project.edit("flow.py", "    @step\n    def cook", f"{own}    def cook")
    alone, rerun = (
        project.report(*options)["flows"][0]["changes"]
        for options in ((fresh, "-k", "environment"), (fresh,))
    )
    told = [(one["name"], one["environment"], one["old"], one["new"]) for one in alone]
    assert told == [
        ("requirement toolz", "step-start", "toolz==0.12.1", "toolz==1.0.0"),
        ("toolz", "step-start", "0.12.1", "1.0.0"),
        ("python", "step-cook", None, f"cpython {platform.python_version()}, 12 packages"),
    ]
    assert [one for one in rerun if one["environment"]] == alone
