"""Baselines that no flow has any more are named by a session of the whole project."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded_repository import FLOW, GIT_ENVIRONMENT, commit, git, record
from recordings import artifact, recording, task

from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult

if TYPE_CHECKING:
    from conftest import Project

NAMED = [
    "obsolete baseline flows/__flowrepro__/gone/GoneFlow: flows/gone.py does not exist",
    "What to do: delete these folders; *",
]


@pytest.fixture
def project(unrun_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """TrainFlow, all of whose tests pass without a rerun, and the baseline of a deleted flow."""
    monkeypatch.setattr(PartItem, "_evaluate", lambda _: PartResult(verdict="reproduced"))
    unrun_project.write("flows/train.py", FLOW.format(name="TrainFlow"))
    unrun_project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\n")
    record(unrun_project.path, recording(), file="flows/train.py")
    gone = recording(task("start", artifact("rows", 7)))
    record(unrun_project.path, replace(gone, flow="GoneFlow"), file="flows/gone.py")
    return unrun_project


@pytest.fixture
def committed(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same project, committed to git."""
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    git(project.path, "init", "--quiet")
    commit(project.path)
    return project


def baselines(project: Project) -> list[str]:
    return sorted(path.name for path in project.path.glob("flows/__flowrepro__/*/*"))


def test_a_check_of_the_whole_project_names_it_and_passes(project: Project) -> None:
    result = project.check()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(NAMED)
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


def test_strict_fails(project: Project) -> None:
    result = project.check("--flow-repro-strict")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(NAMED)


@pytest.mark.slow
def test_xdist_names_it_once(project: Project) -> None:
    project.write("conftest.py", STUB)
    result = project.check_apart("-n", "2", "--flow-repro-strict")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.outlines.count(NAMED[0]) == 1


STUB = """\
from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult

PartItem._evaluate = lambda _: PartResult(verdict="reproduced")
"""

SELECTIONS = [
    ("-k", "code"),
    ("-m", "flowrepro"),
    ("flows/train.py",),
    ("flows",),
    ("flows/train.py::TrainFlow::code",),
    ("--deselect", "flows/train.py::TrainFlow::code"),
    ("--ignore", "flows/other.py"),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=" ".join)
def test_a_session_of_a_part_says_and_deletes_nothing(
    committed: Project, selection: tuple[str, ...]
) -> None:
    project = committed
    result = project.record("--flow-repro-strict", *selection)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*obsolete*")
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


def test_a_session_in_a_folder_of_the_project_says_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("other/train.py", FLOW.format(name="OtherFlow"))
    monkeypatch.chdir(project.path / "other")
    result = project.check("--flow-repro-strict")
    result.stdout.no_fnmatch_line("*obsolete*")
    result.stdout.fnmatch_lines(["*OtherFlow*"])


def test_a_recording_of_the_whole_project_deletes_it(committed: Project) -> None:
    project = committed
    result = project.record("--flow-repro-strict")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"removed {NAMED[0]}"])
    result.stdout.no_fnmatch_line("What to do*")
    assert baselines(project) == ["TrainFlow"]


@pytest.mark.parametrize("name", ["manifest.json", "README.md"])
def test_a_recording_keeps_what_git_cannot_give_back(committed: Project, name: str) -> None:
    file = committed.path / "flows/__flowrepro__/gone/GoneFlow" / name
    file.write_bytes(file.read_bytes() + b" " if file.exists() else b"mine")
    result = committed.record()
    result.stdout.fnmatch_lines(NAMED[:1] if name == "README.md" else ["obsolete baseline *"])
    assert baselines(committed) == ["GoneFlow", "TrainFlow"]


def test_a_file_of_the_user_is_left_where_the_baseline_was(committed: Project) -> None:
    folder = "flows/__flowrepro__/gone/GoneFlow"
    committed.write(f"{folder}/README.md", "mine")
    commit(committed.path)
    result = committed.record("--flow-repro-strict")
    assert result.ret == pytest.ExitCode.OK
    assert result.outlines.count(f"removed {NAMED[0]}") == 1
    result.stdout.no_fnmatch_line("obsolete*")
    assert [path.name for path in (committed.path / folder).iterdir()] == ["README.md"]


def test_a_recording_outside_of_git_keeps_it(project: Project) -> None:
    project.record().stdout.fnmatch_lines(NAMED)
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


def test_a_recording_keeps_what_may_still_be_started(committed: Project) -> None:
    project = committed
    project.write("flows/gone.py", FLOW.format(name="GoneFlow").partition("if __name__")[0])
    result = project.record()
    result.stdout.fnmatch_lines(["*/GoneFlow: flows/gone.py starts no flow GoneFlow"])
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


@pytest.mark.parametrize(
    ("statement", "status"),
    [("1 / 0", 1), ("raise KeyboardInterrupt", 2), ("pytest.exit('enough', returncode=0)", 1)],
)
def test_a_recording_that_is_not_complete_deletes_nothing(
    committed: Project, statement: str, status: int
) -> None:
    project = committed
    project.write(
        "conftest.py",
        "import pytest\n\n@pytest.hookimpl(tryfirst=True)\n"
        f"def pytest_runtest_call(item):\n    if item.name == 'code':\n        {statement}\n",
    )
    result = project.pytester.runpytest_inprocess(
        "--flow-repro", "--flow-repro-update", no_reraise_ctrlc=True
    )
    assert result.ret == status
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


def test_without_any_flow_the_error_names_it(project: Project) -> None:
    (project.path / "flows/train.py").unlink()
    result = project.check()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no flow was found*", NAMED[0]])
