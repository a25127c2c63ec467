from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from recorded_repository import FLOW, commit, git, record
from recordings import recording

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one flow and its baseline, committed; the working directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.com")
    top = tmp_path / "repo"
    (top / "flows").mkdir(parents=True)
    (top / "pyproject.toml").touch()
    (top / "flows/train.py").write_text(FLOW.format(name="TrainFlow"))
    record(top, recording())
    git(top, "init", "--quiet", "--initial-branch=main")
    commit(top)
    monkeypatch.chdir(top)
    return top
