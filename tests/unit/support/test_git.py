from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from recorded_repository import GIT_ENVIRONMENT, commit, git

from pytest_flowrepro.support.git import run_git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "a.txt").write_text("a")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def test_a_question_does_not_refresh_the_index(repository: Path) -> None:
    os.utime(repository / "a.txt", (1, 1))
    index = (repository / ".git/index").read_bytes()
    assert run_git("status", "--porcelain", cwd=repository).stdout == ""
    assert (repository / ".git/index").read_bytes() == index
    git(repository, "status", "--porcelain")
    assert (repository / ".git/index").read_bytes() != index, "git itself does"


def test_no_hook_is_run(repository: Path) -> None:
    hook = repository / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    assert run_git("checkout", "--quiet", "-b", "other", cwd=repository).ok
    assert not (repository / "ran").exists()
    git(repository, "checkout", "--quiet", "-b", "another")
    assert (repository / "ran").exists(), "git itself does"
