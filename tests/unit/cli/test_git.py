from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from recorded_repository import GIT_ENVIRONMENT

from pytest_flowrepro.cli.git import check_out_baselines
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.git import commit_of, is_branch, repository_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def git_without_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits, `first` without baselines and `second` with two files of one."""
    top = tmp_path / "repo"
    (top / "flows/sub").mkdir(parents=True)
    (top / "flows/train.py").write_text("code")
    git(top, "init", "--quiet", "--initial-branch=main")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message=first")
    git(top, "tag", "first")
    for name in ("__flowrepro__/top/F/a.json", "flows/__flowrepro__/train/F/größe.json"):
        (top / name).parent.mkdir(parents=True)
        (top / name).write_text("recorded")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message=second")
    return top


def git(top: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=top, check=True, capture_output=True, text=True
    ).stdout


def files_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".git-index"
    )


def test_the_repository_is_found_from_any_folder_in_it(repository: Path) -> None:
    assert repository_of(repository / "flows/sub") == repository
    assert repository_of(repository.parent) is None


@pytest.mark.parametrize("revision", ["main", "HEAD", "HEAD~0"])
def test_a_revision_is_a_commit(repository: Path, revision: str) -> None:
    assert (
        commit_of(revision, repository=repository) == git(repository, "rev-parse", "main").strip()
    )


@pytest.mark.parametrize("revision", ["", "none", "./flows", "--all", "HEAD:flows", "a b"])
def test_other_text_is_none(repository: Path, revision: str) -> None:
    assert commit_of(revision, repository=repository) is None


def test_a_branch_is_local_or_of_a_remote(repository: Path) -> None:
    git(repository, "update-ref", "refs/remotes/origin/next", "HEAD")
    names = ["main", "refs/heads/main", "origin/next", "HEAD", "@", "first", "main~1", "--all", ""]
    branches = [name for name in names if is_branch(name, repository=repository)]
    assert branches == ["main", "refs/heads/main", "origin/next"]


def test_only_baselines_are_checked_out_and_the_repository_stays_as_it_is(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "__flowrepro__/top/F/a.json").write_text("edited")
    (repository / "flows/train.py").write_text("staged")
    git(repository, "add", "flows/train.py")
    (repository / ".git/hooks/post-checkout").write_text("#!/bin/sh\ntouch hooked\n")
    (repository / ".git/hooks/post-checkout").chmod(0o755)
    before = git(repository, "status", "--porcelain"), git(repository, "rev-parse", "HEAD")
    (tmp_path / "out").mkdir()
    check_out_baselines("main", repository=repository, folder=tmp_path / "out")

    assert files_in(tmp_path / "out") == [
        "__flowrepro__/top/F/a.json",
        "flows/__flowrepro__/train/F/größe.json",
    ]
    assert (tmp_path / "out/__flowrepro__/top/F/a.json").read_text() == "recorded"
    assert (
        git(repository, "status", "--porcelain"),
        git(repository, "rev-parse", "HEAD"),
    ) == before
    assert not list(tmp_path.rglob("hooked"))


def test_a_revision_without_baselines_has_none(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_out_baselines("first", repository=repository, folder=tmp_path / "out")

    assert files_in(tmp_path / "out") == []


def test_the_output_of_git_is_shown_when_it_fails(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    with pytest.raises(FlowReproError, match="git could not read the baselines") as caught:
        check_out_baselines("0" * 40, repository=repository, folder=tmp_path / "out")

    assert "0000" in caught.value.detail
