"""A session of the flows that something changed for: `--flow-repro-changed-since`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from recorded_repository import FLOW, GIT_ENVIRONMENT, commit, git

from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult

if TYPE_CHECKING:
    from conftest import Project

ONE = "a/one.py::OneFlow"
SINCE = "--flow-repro-changed-since"


@pytest.fixture
def project(unrun_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two committed flows, all of whose tests pass without a rerun, and a test of the user's."""
    monkeypatch.setattr(PartItem, "_evaluate", lambda _: PartResult(verdict="reproduced"))
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    unrun_project.write("a/one.py", FLOW.format(name="OneFlow"))
    unrun_project.write("b/two.py", FLOW.format(name="TwoFlow"))
    unrun_project.write("test_own.py", "def test_own(): pass\n")
    unrun_project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\n")
    git(unrun_project.path, "init", "-q", "-b", "main")
    commit(unrun_project.path)
    return unrun_project


def test_flows_without_a_change_are_left_out_and_counted(project: Project) -> None:
    project.edit("a/one.py", "class OneFlow", "# changed\nclass OneFlow")
    result = project.check("-v", f"{SINCE}=HEAD")
    result.assert_outcomes(passed=5, deselected=4)
    result.stdout.fnmatch_lines([f"{ONE}::code PASSED*", "1 flow unchanged since HEAD"])
    result.stdout.no_fnmatch_line("*TwoFlow::*")


def test_a_session_without_any_change_passes(project: Project) -> None:
    (project.path / "test_own.py").unlink()
    result = project.check(f"{SINCE}=main")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["2 flows unchanged since main"])


def test_a_flow_after_a_changed_one_is_checked(project: Project) -> None:
    project.write(
        "pyproject.toml",
        '[tool.pytest]\n[tool.flowrepro.flow.TwoFlow]\nafter = ["OneFlow"]\n',
    )
    commit(project.path)
    project.write("a/helper.py", "")
    project.check(f"{SINCE}=HEAD").assert_outcomes(passed=9)
    commit(project.path)
    project.write("b/helper.py", "")
    project.check(f"{SINCE}=HEAD").assert_outcomes(passed=5, deselected=4)


def test_a_baseline_is_not_obsolete_because_its_flow_is_left_out(project: Project) -> None:
    project.write("c/__flowrepro__/gone/GoneFlow/manifest.json", "{}")
    commit(project.path)
    assert "obsolete baseline" not in project.check(f"{SINCE}=HEAD").stdout.str()
    assert "obsolete baseline" in project.check().stdout.str()


def test_an_unknown_revision_is_an_error_of_usage(project: Project) -> None:
    result = project.check(f"{SINCE}=nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {SINCE}: nowhere is not a revision that this clone has"])


def test_each_worker_leaves_out_the_same_flows(project: Project) -> None:
    (project.path / "test_own.py").unlink()
    result = project.check_apart("-n2", f"{SINCE}=HEAD")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["2 flows unchanged since HEAD"])
    project.edit("b/two.py", "class TwoFlow", "# changed\nclass TwoFlow")
    result = project.check_apart("-n2", f"{SINCE}=HEAD")
    result.assert_outcomes(failed=1, skipped=3)  # it has no baseline
    result.stdout.fnmatch_lines(["1 flow unchanged since HEAD"])
