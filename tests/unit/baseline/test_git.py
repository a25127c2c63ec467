"""Locks that flows share, in the hands of git: its renames and its merges."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from locks import locked
from recorded_repository import GIT_ENVIRONMENT, commit, git, record
from recordings import recording

from pytest_flowrepro.baseline import read_baseline
from pytest_flowrepro.model import lock_file
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording

FLOWS = tuple(f"Flow{letter}" for letter in "ABCD")


def lock_of(numpy: str, scipy: str = "1.0") -> str:
    others = (f"package{number}==1.{number}" for number in range(30))
    return locked("metaflow==2", f"numpy=={numpy}", f"scipy=={scipy}", *others).text


OLD, NEW, SCIPY = lock_of("2.4.5"), lock_of("2.4.6"), lock_of("2.4.5", "1.1")


def output(root: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=root, check=True, capture_output=True, text=True
    ).stdout


def record_flows(root: Path, *flows: str, lock: str) -> None:
    for flow in flows:
        record(root, recording(flow=flow, lock=lock), f"flows/{flow.lower()}.py")
    commit(root)


def read(root: Path, flow: str) -> Recording | None:
    folder = root / "flows/__flowrepro__" / flow.lower() / flow
    return read_baseline(folder, root=root)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with four flows that share a lock."""
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    record_flows(tmp_path, *FLOWS, lock=OLD)
    return tmp_path


def test_another_version_is_one_renamed_file_with_a_short_diff(root: Path) -> None:
    record_flows(root, *FLOWS, lock=NEW)

    old, new = (lock_file(recording(lock=text).environments[0].lock.digest) for text in (OLD, NEW))
    changed = output(root, "diff", "-M", "--name-status", "HEAD^", "--", ":(glob)**/lock-*")
    status, *names = changed.split()
    assert status.startswith("R09")
    assert names == [f"flows/__flowrepro__/{old}", f"flows/__flowrepro__/{new}"]
    counts = output(root, "diff", "-M", "--numstat", "HEAD^", "--", ":(glob)**/lock-*")
    assert counts.split("\t")[:2] == ["1", "1"]


def test_branches_that_upgrade_different_flows_merge(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "branch")
    record_flows(root, "FlowB", "FlowC", lock=SCIPY)
    git(root, "checkout", "--quiet", "main")
    record_flows(root, "FlowA", "FlowD", lock=NEW)
    git(root, "merge", "--quiet", "--no-edit", "branch")

    locks = dict.fromkeys(("FlowA", "FlowD"), NEW) | dict.fromkeys(("FlowB", "FlowC"), SCIPY)
    for flow, lock in locks.items():
        assert read(root, flow) == recording(flow=flow, lock=lock)
    # The old lock, which each branch kept for the flows of the other, goes with the next recording.
    assert len([*root.glob("flows/__flowrepro__/lock-*")]) == 3
    record(root, recording(flow="FlowA", lock=NEW), "flows/flowa.py")
    assert len([*root.glob("flows/__flowrepro__/lock-*")]) == 2


@pytest.mark.parametrize("way", [("merge", "--no-edit"), ("rebase",)], ids=["merge", "rebase"])
def test_a_lock_that_a_merge_deleted_is_named_and_can_be_restored(
    root: Path, way: tuple[str, ...]
) -> None:
    """A branch adds a flow with the lock that all others have left meanwhile."""
    git(root, "checkout", "--quiet", "-b", "branch")
    record_flows(root, "FlowE", lock=OLD)
    git(root, "checkout", "--quiet", "main")
    record_flows(root, *FLOWS, lock=NEW)
    git(root, "checkout", "--quiet", "branch")
    git(root, *way, "--quiet", "main")

    old = f"flows/__flowrepro__/{lock_file(recording(lock=OLD).environments[0].lock.digest)}"
    with pytest.raises(BaselineError, match=f"^{old}: is missing, a lock of ") as caught:
        read(root, "FlowE")
    assert read(root, "FlowA") == recording(flow="FlowA", lock=NEW)

    assert f"`git log -1 -- {old}`" in caught.value.hint
    deleted_by = output(root, "log", "-1", "--format=%H", "--", old).strip()
    assert f"git checkout COMMIT^ -- {old}`" in caught.value.hint
    git(root, "checkout", f"{deleted_by}^", "--", old)
    assert read(root, "FlowE") == recording(flow="FlowE", lock=OLD)


def test_branches_that_upgrade_a_flow_differently_conflict(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "branch")
    record_flows(root, *FLOWS, lock=SCIPY)
    git(root, "checkout", "--quiet", "main")
    record_flows(root, *FLOWS, lock=NEW)
    done = subprocess.run(["git", "merge", "branch"], cwd=root, check=False, capture_output=True)
    assert done.returncode == 1

    with pytest.raises(BaselineError, match=r"manifest\.json: line \d+: a merge conflict"):
        read(root, "FlowA")
    record_flows(root, *FLOWS, lock=NEW)
    assert all(read(root, flow) == recording(flow=flow, lock=NEW) for flow in FLOWS)
    assert len([*root.glob("flows/__flowrepro__/lock-*")]) == 1
    assert output(root, "status", "--porcelain") == ""
