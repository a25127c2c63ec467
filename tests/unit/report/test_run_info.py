from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_flowrepro import __version__
from pytest_flowrepro.report.run_info import run_info
from pytest_flowrepro.support.git import run_git

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@b.example")


def git(folder: Path, *args: str) -> str:
    done = run_git(*AUTHOR, *args, cwd=folder)
    assert done.ok, done.stderr
    return done.stdout.strip()


def test_a_run_outside_of_git_has_no_commit(tmp_path: Path) -> None:
    run = run_info(tmp_path, "check")
    assert (run.command, run.version) == ("check", __version__)
    assert (run.commit, run.branch, run.is_modified) == (None, None, False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", run.date)
    assert run.python.startswith("CPython 3.")
    assert run.platform


def test_a_run_has_the_commit_the_branch_and_whether_files_were_modified(tmp_path: Path) -> None:
    git(tmp_path, "init", "--initial-branch=trunk")
    run = run_info(tmp_path, "check")
    assert (run.commit, run.branch, run.is_modified) == (None, "trunk", False), "no commit yet"

    file = tmp_path / "flow.py"
    file.write_text("1", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "x")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked").touch()
    run = run_info(tmp_path, "check")
    assert (run.commit, run.branch, run.is_modified) == (commit, "trunk", False)

    file.write_text("2", encoding="utf-8")
    git(tmp_path, "checkout", "--detach")
    run = run_info(tmp_path, "check")
    assert (run.commit, run.branch, run.is_modified) == (commit, None, True)


def test_a_run_has_the_folder_of_the_project_in_the_repository(tmp_path: Path) -> None:
    project = tmp_path / "models" / "größe: a b"
    project.mkdir(parents=True)
    assert run_info(project, "check").folder == ""
    git(tmp_path, "init")
    assert run_info(tmp_path, "check").folder == ""
    assert run_info(project, "check").folder == "models/größe: a b"


def test_a_machine_without_git_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init")
    monkeypatch.setenv("PATH", str(tmp_path))
    run = run_info(tmp_path, "check")
    assert (run.branch, run.folder) == (None, "")
