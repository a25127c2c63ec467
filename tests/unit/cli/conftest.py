from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from recorded_repository import FLOW, GIT_ENVIRONMENT, commit, git, record
from recordings import recording

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def made_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("made") / "repo"
    (top / "flows").mkdir(parents=True)
    (top / "pyproject.toml").touch()
    (top / "flows/train.py").write_text(FLOW.format(name="TrainFlow"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(top.with_name("cache")))
        for name, value in GIT_ENVIRONMENT.items():
            patch.setenv(name, value)
        record(top, recording())
        git(top, "init", "--quiet", "--initial-branch=main")
        commit(top)
    return top


@pytest.fixture
def repository(made_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one flow and its baseline, committed; the working directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    top = tmp_path / "repo"
    shutil.copytree(made_repository, top, symlinks=True)
    monkeypatch.chdir(top)
    return top
