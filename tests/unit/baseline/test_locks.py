from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from locks import locked
from recorded_repository import record
from recordings import LOCK, LOCK_FILE, names_in, recording

from pytest_flowrepro.baseline import (
    baseline_folder,
    lock_files,
    read_baseline,
    remove_baseline,
    write_baseline,
)
from pytest_flowrepro.model import lock_file
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.model import Recording

OTHER = locked("metaflow==2")
OTHER_FILE = lock_file(OTHER.digest)
LATER = recording(lock=OTHER.text)
"""The recording with another lock."""
OTHER_FLOW = recording(flow="OtherFlow")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose flow TrainFlow has a baseline, and a case with the same lock."""
    record(tmp_path, recording())
    record(tmp_path, recording(case="small"))
    return tmp_path


@pytest.fixture
def folder(root: Path) -> Path:
    return baseline_folder(root / "flows/train.py", "TrainFlow", None)


def shared(root: Path) -> list[str]:
    """Return the names in `__flowrepro__`."""
    return sorted(path.name for path in (root / "flows/__flowrepro__").iterdir())


def test_the_flows_and_cases_of_a_folder_share_a_lock(root: Path, folder: Path) -> None:
    record(root, OTHER_FLOW, "flows/other.py")

    assert shared(root) == [LOCK_FILE, "other", "train"]
    assert names_in(folder) == ["artifacts.json", "manifest.json"]
    assert lock_files(folder) == (root / "flows/__flowrepro__" / LOCK_FILE,)
    assert lock_files(folder)[0].read_text() == LOCK


def test_an_unused_lock_is_deleted_with_its_last_baseline(root: Path, folder: Path) -> None:
    changed = write_baseline(folder, LATER, root=root)
    assert OTHER_FILE in changed
    assert shared(root) == sorted([LOCK_FILE, OTHER_FILE, "train"])

    small = replace(LATER, case="small")
    write_baseline(folder.with_name("TrainFlow@small"), small, root=root)
    assert shared(root) == [OTHER_FILE, "train"]

    remove_baseline(folder)
    assert shared(root) == [OTHER_FILE, "train"]
    assert read_baseline(folder.with_name("TrainFlow@small"), root=root) == small
    remove_baseline(folder.with_name("TrainFlow@small"))
    assert not (root / "flows/__flowrepro__").exists()


def test_a_recording_deletes_what_a_stopped_one_left(root: Path, folder: Path) -> None:
    top = root / "flows/__flowrepro__"
    (top / OTHER_FILE).write_text(OTHER.text)
    (top / f".{OTHER_FILE}.new").write_text("half of")
    (top / "README.md").write_text("mine")
    (top / "lock-mine.txt").write_text("mine")

    assert write_baseline(folder, recording(), root=root) == ()
    assert shared(root) == ["README.md", LOCK_FILE, "lock-mine.txt", "train"]


def test_a_lock_of_a_baseline_that_was_moved_aside_is_kept(root: Path, folder: Path) -> None:
    folder.rename(folder.with_name(".TrainFlow.old"))
    write_baseline(folder.with_name("TrainFlow@small"), replace(LATER, case="small"), root=root)

    assert read_baseline(folder, root=root) == recording()


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\n", '{"schema": 1,'])
def test_no_lock_is_deleted_as_long_as_a_manifest_is_damaged(
    root: Path, folder: Path, text: str
) -> None:
    (folder / "manifest.json").write_text(text)
    write_baseline(folder.with_name("TrainFlow@small"), replace(LATER, case="small"), root=root)

    assert shared(root) == sorted([LOCK_FILE, OTHER_FILE, "train"])


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: file.write_text("x")])
def test_a_recording_repairs_a_lock(
    root: Path, folder: Path, damage: Callable[[Path], object]
) -> None:
    (file,) = lock_files(folder)
    damage(file)

    assert write_baseline(folder, recording(), root=root) == (LOCK_FILE,)
    assert read_baseline(folder.with_name("TrainFlow@small"), root=root) is not None


def test_a_lock_with_the_line_ends_of_windows_is_not_written_again(
    root: Path, folder: Path
) -> None:
    (file,) = lock_files(folder)
    file.write_bytes(b"\xef\xbb\xbf" + LOCK.replace("\n", "\r\n").encode())

    assert read_baseline(folder, root=root) == recording()
    assert write_baseline(folder, recording(), root=root) == ()


def test_a_missing_lock_is_named_with_ways_to_restore_it(root: Path, folder: Path) -> None:
    (file,) = lock_files(folder)
    file.unlink()

    with pytest.raises(BaselineError) as caught:
        read_baseline(folder, root=root)

    path = f"flows/__flowrepro__/{LOCK_FILE}"
    assert caught.value.what == f"{path}: is missing, a lock of flows/__flowrepro__/train/TrainFlow"
    assert f"git checkout -- {path}" in caught.value.hint
    assert "--flow-repro-update" in caught.value.hint


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("2.4.5", "2.4.6"), "is not as it was recorded"),
        (lambda text: text[:40], "is not as it was recorded"),
        (lambda _: "", "is empty"),
        (lambda text: f"{text}<<<<<<< HEAD\n", "line 5: a merge conflict that was not resolved"),
        (lambda _: "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    ],
    ids=["edited", "truncated", "empty", "conflict", "lfs"],
)
def test_a_changed_lock_is_named(
    root: Path, folder: Path, damage: Callable[[str], str], message: str
) -> None:
    (file,) = lock_files(folder)
    file.write_text(damage(LOCK))

    with pytest.raises(BaselineError) as caught:
        read_baseline(folder, root=root)
    assert caught.value.what.startswith(f"flows/__flowrepro__/{LOCK_FILE}: {message}")


def test_recorders_of_many_flows_lose_no_lock(tmp_path: Path) -> None:
    """Each of them replaces its lock several times, by locks that the others have, too."""
    versions = [locked(f"metaflow=={i}").text for i in range(3)]
    names = [f"Flow{i}" for i in range(6)]
    last: dict[str, Recording] = {}

    def write(position: int) -> None:
        name = names[position]
        for turn in range(6):
            last[name] = recording(flow=name, lock=versions[(position + turn) % 3])
            record(tmp_path, last[name], f"flows/{name}.py")

    threads = [threading.Thread(target=write, args=(i,)) for i in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for name in names:
        folder = baseline_folder(tmp_path / f"flows/{name}.py", name, None)
        assert read_baseline(folder, root=tmp_path) == last[name]
    used = {lock_file(of.environments[0].lock.digest) for of in last.values()}
    assert {name for name in shared(tmp_path) if name.startswith("lock-")} == used


def test_the_lock_is_next_to_a_linked_folder(root: Path, folder: Path) -> None:
    (root / "copy/__flowrepro__").mkdir(parents=True)
    (root / "copy/__flowrepro__/train").symlink_to(folder.parent)
    linked = baseline_folder(root / "copy/train.py", "TrainFlow", None)

    assert read_baseline(linked, root=root) == recording()
    write_baseline(linked, LATER, root=root)
    assert read_baseline(folder, root=root) == LATER


def test_no_lock_is_written_outside_of_the_project(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    (root / "__flowrepro__").mkdir(parents=True)
    (root / "__flowrepro__/train").symlink_to("..")

    with pytest.raises(BaselineError, match=r"^__flowrepro__/train is a symlink to"):
        write_baseline(baseline_folder(root / "train.py", "TrainFlow", None), LATER, root=root)
    assert [path.name for path in tmp_path.iterdir()] == ["repo"]


def test_the_manifest_names_the_lock(folder: Path) -> None:
    base = json.loads((folder / "manifest.json").read_text())["environments"]["base"]
    assert base["lock"] == {"file": LOCK_FILE, "sha256": recording().environments[0].lock.digest}
