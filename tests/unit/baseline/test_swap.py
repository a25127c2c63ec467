from __future__ import annotations

import errno
import os
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from locks import locked
from recordings import LOCK_FILE, names_in, recording

from pytest_flowrepro.baseline import baseline_folder, read_baseline, swap, write_baseline
from pytest_flowrepro.model import lock_file
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

OLD, NEW = recording(flow="F"), recording(flow="F", lock=locked("metaflow==2").text)
NEW_LOCK = lock_file(NEW.environments[0].lock.digest)
OTHER = recording(flow="Other")
"""A flow of the same folder, with the lock of the old one."""

WRITES = {"open", "write", "fsync", "mkdir", "rename", "unlink", "rmdir"}
READS = {"open", "stat", "listdir", "scandir"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(params=["exchange", "two renames"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Linux can exchange two folders at once; other systems are imitated by leaving that out."""
    if request.param == "two renames":
        monkeypatch.setattr(swap, "_exchange", lambda *_: False)
    return str(request.param)


@pytest.fixture(params=["first recording", "update"])
def folder(request: pytest.FixtureRequest, root: Path, way: str) -> Path:
    assert way
    folder = baseline_folder(root / "train.py", "F", None)
    write_baseline(other_folder(root), OTHER, root=root)
    if request.param == "update":
        write_baseline(folder, OLD, root=root)
        (folder / "README.md").write_text("the user's own")
    return folder


def other_folder(root: Path) -> Path:
    return baseline_folder(root / "other.py", "Other", None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repo"


def at_operation(
    number: int, act: Callable[[], object], among: set[str] = WRITES
) -> Callable[[FrameType, str, Any], None]:
    """For `sys.setprofile`: act just before the n-th file operation from now on."""
    operations = count(1)

    def profile(_frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and function.__name__ in among and next(operations) == number:
            act()

    return profile


def killed_at(number: int, record: Callable[[], object]) -> bool:
    """Record in a process that dies before its n-th file operation; False: there was none."""
    child = os.fork()
    if child == 0:
        try:
            sys.setprofile(at_operation(number, lambda: os._exit(9)))
            record()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.slow
def test_a_kill_at_any_operation_leaves_the_old_or_the_new_whole(
    folder: Path, root: Path, way: str
) -> None:
    before = read_baseline(folder, root=root)
    seen = []
    for number in count(1):
        if not killed_at(number, lambda: write_baseline(folder, NEW, root=root)):
            break
        found = read_baseline(folder, root=root)
        assert found in (before, NEW)
        assert read_baseline(other_folder(root), root=root) == OTHER
        if before is not None:
            assert (folder.exists() and (folder / "README.md").exists()) or way == "two renames"
        seen.append(found == NEW)
        recover(folder, root, before)
    assert number > 15
    assert True in seen
    assert False in seen


def locks_in(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "__flowrepro__").iterdir() if path.is_file())


def recover(folder: Path, root: Path, before: object) -> None:
    """The next recorder cleans up; then everything is as it was before the kill."""
    if before is not None:
        write_baseline(folder, OLD, root=root)
        assert read_baseline(folder, root=root) == OLD
        assert (folder / "README.md").read_text() == "the user's own"
        assert names_in(folder.parent) == ["F"]
        assert locks_in(root) == [LOCK_FILE]
        return
    write_baseline(folder, NEW, root=root)
    assert names_in(folder.parent) == ["F"]
    assert locks_in(root) == sorted([LOCK_FILE, NEW_LOCK])
    for path in (*folder.iterdir(), folder):
        path.rmdir() if path.is_dir() else path.unlink()


def test_an_error_at_any_operation_is_a_sentence_and_leaves_no_half(
    folder: Path, root: Path
) -> None:
    before = read_baseline(folder, root=root)

    full = os.strerror(errno.ENOSPC)
    named = "__flowrepro__/train/F"
    neither = f"{named} cannot be written: {full}"
    replaced = (
        f"{named} was recorded and the new baseline is in place, but cleaning up failed: {full}"
    )
    failed = []
    told = set()

    def fail() -> None:
        failed.append(True)
        raise OSError(errno.ENOSPC, full)

    for number in count(1):
        failed.clear()
        said = ""
        sys.setprofile(at_operation(number, fail))
        try:
            write_baseline(folder, NEW, root=root)
        except BaselineError as error:
            said = error.what
        finally:
            sys.setprofile(None)
        found = read_baseline(folder, root=root)
        assert found in (before, NEW)
        assert read_baseline(other_folder(root), root=root) == OTHER
        if said:
            assert said == (replaced if found == NEW else neither)
            told.add(said)
        if not failed:
            break
        recover(folder, root, before)
    assert number > 15
    assert told == {neither, replaced}
    assert read_baseline(folder, root=root) == NEW


@pytest.mark.parametrize("state", ["whole", "between two renames"])
def test_a_reader_sees_one_whole_baseline_whenever_a_recorder_steps_in(
    root: Path, way: str, state: str
) -> None:
    folder = baseline_folder(root / "train.py", "F", None)
    for number in count(1):
        write_baseline(folder, OLD, root=root)
        if state == "between two renames":
            folder.rename(folder.with_name(".F.old"))
        stepped_in = []

        def step_in() -> None:
            sys.setprofile(None)
            stepped_in.append(write_baseline(folder, NEW, root=root))  # noqa: B023  called below

        sys.setprofile(at_operation(number, step_in, READS))
        try:
            found = read_baseline(folder, root=root)
        finally:
            sys.setprofile(None)
        assert found in (OLD, NEW)
        if not stepped_in:
            break
    assert number > 10
    assert way


def test_an_old_folder_that_is_deleted_only_half_is_never_read(root: Path) -> None:
    folder = baseline_folder(root / "train.py", "F", None)
    write_baseline(folder, OLD, root=root)
    gone = folder.with_name(".F.gone")
    folder.rename(gone)
    (gone / "artifacts.json").unlink()

    assert read_baseline(folder, root=root) is None
    write_baseline(folder, NEW, root=root)
    assert names_in(folder.parent) == ["F"]


@pytest.mark.skipif(sys.platform != "linux", reason="a system call of Linux")
def test_linux_exchanges_two_folders_in_one_step(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()

    assert swap._exchange(tmp_path / "a", tmp_path / "b")
    assert names_in(tmp_path / "a") == ["b"]
    assert not swap._exchange(tmp_path / "a", tmp_path / "missing")
