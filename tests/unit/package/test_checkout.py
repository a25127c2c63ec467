from __future__ import annotations

import shutil
import zlib
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.package.checkout import place_checkout
from pytest_flowrepro.support.errors import PackageError
from pytest_flowrepro.support.process import isolated_environment, run_process

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "b72a3fbdc67dd7c374c902f26c3a264f2359ec45"
"""Recorded baselines hold it: it may never change."""


def files(folder: Path) -> dict[str, bytes]:
    found = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Of a project that holds flows/train.py."""
    copy = tmp_path / "copy"
    (copy / "flows").mkdir(parents=True)
    (copy / "flows/train.py").write_text("x = 1\n")
    return copy


@pytest.mark.parametrize(
    ("checkout", "top"),
    [(".", "."), ("project", "."), ("project/flows", "flows")],
)
def test_the_top_is_the_users_or_the_copy(
    tmp_path: Path, copy: Path, checkout: str, top: str
) -> None:
    (tmp_path / checkout / ".git").mkdir(parents=True)
    root = tmp_path / "project"
    place_checkout(copy, flow_file=root / "flows/train.py", root=root)
    assert [file.parent for file in copy.rglob(".git")] == [copy / top]


def test_the_git_file_of_a_worktree_or_submodule_marks_a_checkout(
    tmp_path: Path, copy: Path
) -> None:
    (tmp_path / ".git").write_text("gitdir: /elsewhere\n")
    place_checkout(copy, flow_file=tmp_path / "flows/train.py", root=tmp_path)
    assert (copy / ".git").is_dir()


def test_what_is_not_a_checkout_does_not_become_one(tmp_path: Path, copy: Path) -> None:
    place_checkout(copy, flow_file=tmp_path / "flows/train.py", root=tmp_path)
    assert set(files(copy)) == {"flows/train.py"}


@pytest.fixture
def repository(tmp_path: Path, copy: Path) -> Path:
    (tmp_path / ".git").mkdir()
    place_checkout(copy, flow_file=tmp_path / "flows/train.py", root=tmp_path)
    return copy


def test_the_commit_is_the_same_for_everybody(repository: Path) -> None:
    git = repository / ".git"
    assert (git / "HEAD").read_text() == "ref: refs/heads/main\n"
    assert (git / "refs/heads/main").read_text() == f"{COMMIT}\n"
    stored = zlib.decompress((git / "objects" / COMMIT[:2] / COMMIT[2:]).read_bytes())
    assert stored.startswith(b"commit ")
    assert b"\0tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n" in stored


@pytest.mark.skipif(shutil.which("git") is None, reason="asks the git program, if it is there")
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("rev-parse HEAD", COMMIT),
        ("rev-parse --abbrev-ref HEAD", "main"),
        ("rev-parse --show-toplevel", "{copy}"),
        ("branch --show-current", "main"),
        ("log -1 --format=%H|%an|%ct", f"{COMMIT}|pytest-flowrepro|946684800"),
        ("status --porcelain --branch", "## main...origin/main"),
        ("describe --always --dirty", COMMIT[:7]),
        ("config --get remote.origin.url", "https://localhost/pytest-flowrepro.git"),
        ("fsck --strict", ""),
    ],
)
def test_what_git_says(repository: Path, command: str, answer: str) -> None:
    done = run_process(
        ["git", *command.split()],
        env=isolated_environment({"HOME": str(repository)}),
        cwd=repository / "flows",
        timeout=20,
    )
    assert done.ok, done.stderr
    assert done.stdout.strip() == answer.format(copy=repository.resolve())


def test_a_copy_that_cannot_be_written(tmp_path: Path, copy: Path) -> None:
    (tmp_path / ".git").mkdir()
    (copy / ".git").write_text("")
    with pytest.raises(PackageError, match="stand-in git checkout cannot be written"):
        place_checkout(copy, flow_file=tmp_path / "flows/train.py", root=tmp_path)
