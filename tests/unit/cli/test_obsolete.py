from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded_repository import FLOW, commit, record
from recordings import artifact, recording, task

from pytest_flowrepro.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

GONE = "flows/__flowrepro__/gone/GoneFlow"


@pytest.fixture
def project(repository: Path) -> Path:
    """A committed project with TrainFlow and the baseline of a flow that is gone."""
    gone = replace(recording(task("start", artifact("rows", 7))), flow="GoneFlow")
    record(repository, gone, file="flows/gone.py")
    commit(repository)
    return repository


def baselines(project: Path) -> list[str]:
    return sorted(path.name for path in project.glob("flows/__flowrepro__/*/*"))


@pytest.mark.parametrize("folder", [".", "flows"])
def test_a_baseline_without_a_flow_is_deleted(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    monkeypatch.chdir(project / folder)
    assert main(["clean", "--baselines"]) == 0
    out, err = capsys.readouterr()
    assert out == f"deleted   {GONE}: flows/gone.py does not exist\n"
    assert err == f"1 baseline deleted from {project}\n"
    assert baselines(project) == ["TrainFlow"]


def test_the_configuration_above_decides_on_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(project, replace(recording(), case="small"))
    case = "[tool.flowrepro.flow.TrainFlow.case.small]\n"
    (project / "pyproject.toml").write_text(case)
    (project / "flows/pyproject.toml").touch()
    commit(project)
    monkeypatch.chdir(project / "flows")
    assert main(["clean", "--baselines"]) == 0
    assert f"deleted from {project}\n" in capsys.readouterr().err
    assert baselines(project) == ["TrainFlow", "TrainFlow@small"]


def test_a_dry_run_deletes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", "--baselines", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert out == f"obsolete  {GONE}: flows/gone.py does not exist\n"
    assert err == f"1 baseline would be deleted from {project}\n"
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


def test_what_git_could_not_restore_is_kept(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / GONE / "notes.md").touch()
    assert main(["clean", "--baselines"]) == 0
    out, err = capsys.readouterr()
    assert out == (
        f"kept      {GONE}: flows/gone.py does not exist; not committed as it is, so git could not "
        "restore it\n"
    )
    assert err == f"0 baselines deleted from {project}\n"
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


def test_what_may_still_be_started_is_kept(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = FLOW.format(name="GoneFlow").partition("if __name__")[0]
    (project / "flows/gone.py").write_text(text)
    assert main(["clean", "--baselines"]) == 0
    assert capsys.readouterr().out.startswith(f"kept      {GONE}: flows/gone.py starts no flow")
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


def test_a_configuration_that_cannot_be_read_deletes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text("[tool.flowrepro]\nnone = 1\n")
    assert main(["clean", "--baselines"]) == 2
    assert "pyproject.toml" in capsys.readouterr().err
    assert baselines(project) == ["GoneFlow", "TrainFlow"]


def test_cached_files_are_not_deleted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cached = project.parent / "cache/pytest-flowrepro/bytecode/0123.txt"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert main(["clean", "--baselines"]) == 0
    assert cached.exists()
    capsys.readouterr()
    for limit in ("--older-than=7", "--max-size=0"):
        assert main(["clean", "--baselines", limit]) == 2
        assert "option --baselines deletes no cached file" in capsys.readouterr().err
    assert cached.exists()
