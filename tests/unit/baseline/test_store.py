from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from locks import locked
from recordings import LOCK_FILE, names_in, recording, unsealed

from pytest_flowrepro.baseline import (
    HISTORY,
    baseline_folder,
    locks,
    read_baseline,
    texts,
    write_baseline,
)
from pytest_flowrepro.baseline.errors import parse_document
from pytest_flowrepro.model import Environment, Interpreter, Lock
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALL = ("artifacts.json", "manifest.json")


@pytest.fixture
def folder(root: Path) -> Path:
    return baseline_folder(root / "flows/train.py", "TrainFlow", None)


@pytest.fixture
def recorded(folder: Path, root: Path) -> Path:
    write_baseline(folder, recording(), root=root)
    return folder


def test_a_baseline_that_does_not_exist_is_none(folder: Path, root: Path) -> None:
    assert read_baseline(folder, root=root) is None
    folder.mkdir(parents=True)
    (folder / "README.md").touch()
    assert read_baseline(folder, root=root) is None


def test_what_was_written_is_read(folder: Path, root: Path) -> None:
    changed = unsealed(write_baseline(folder, recording(), root=root))
    assert changed == ("artifacts.json", LOCK_FILE, "manifest.json")
    assert read_baseline(folder, root=root) == recording()
    assert names_in(folder) == list(ALL)
    assert names_in(folder.parent) == ["TrainFlow"]


def test_recording_the_same_again_writes_nothing(recorded: Path, root: Path) -> None:
    before = [(recorded / name).stat().st_mtime_ns for name in ALL] + [recorded.stat().st_ino]

    assert write_baseline(recorded, recording(), root=root) == ()
    after = [(recorded / name).stat().st_mtime_ns for name in ALL] + [recorded.stat().st_ino]
    assert after == before


def test_only_what_changed_is_named(recorded: Path, root: Path) -> None:
    other = replace(recording(), runs=1)
    assert unsealed(write_baseline(recorded, other, root=root)) == ("manifest.json",)
    assert names_in(recorded) == list(ALL)


def test_a_file_of_the_user_survives_an_update(recorded: Path, root: Path) -> None:
    (recorded / "README.md").write_text("why we pin numpy")
    (recorded / "plots").mkdir()
    (recorded / "plots/one.svg").write_text("<svg/>")
    (recorded / "link").symlink_to("nowhere")

    changed = write_baseline(recorded, replace(recording(), runs=1), root=root)
    assert unsealed(changed) == ("manifest.json",)
    assert (recorded / "README.md").read_text() == "why we pin numpy"
    assert (recorded / "plots/one.svg").read_text() == "<svg/>"
    assert (recorded / "link").readlink().name == "nowhere"


def test_the_history_grows_and_survives_a_recording(recorded: Path, root: Path) -> None:
    one, other = replace(recording(), runs=1), recording()
    write_baseline(recorded, one, root=root, history=("one",))
    write_baseline(recorded, other, root=root)
    (recorded / HISTORY).write_bytes(b"\xff without a line end")
    write_baseline(recorded, one, root=root, history=("two", "three"))
    assert (recorded / HISTORY).read_bytes() == b"\xff without a line end\ntwo\nthree\n"
    assert read_baseline(recorded, root=root) == one


def test_a_history_that_is_a_link_is_replaced(recorded: Path, root: Path) -> None:
    (root / "mine.txt").write_text("mine")
    (recorded / HISTORY).symlink_to(root / "mine.txt")
    write_baseline(recorded, replace(recording(), runs=1), root=root, history=("one",))
    assert (root / "mine.txt").read_text() == "mine"
    assert (recorded / HISTORY).read_text() == "one\n"


def test_a_checkout_may_bring_crlf_and_a_byte_order_mark(recorded: Path, root: Path) -> None:
    for name in ALL:
        data = (recorded / name).read_bytes()
        (recorded / name).write_bytes(b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"))

    assert read_baseline(recorded, root=root) == recording()
    assert write_baseline(recorded, recording(), root=root) == ()


def test_cases_of_one_flow_lie_side_by_side(root: Path) -> None:
    plain, small = (
        baseline_folder(root / "train.py", "TrainFlow", case) for case in (None, "small")
    )
    write_baseline(plain, recording(), root=root)
    write_baseline(small, recording(case="small"), root=root)

    assert read_baseline(plain, root=root) == recording()
    assert read_baseline(small, root=root) == recording(case="small")


# --- damaged files --------------------------------------------------------------------

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda _: b"", "is empty"),
        (lambda _: b"\r\n \n", "is empty"),
        (lambda _: LFS, "is a Git LFS pointer, not the file"),
        (
            lambda data: b"\n".join(
                [data.split(b"\n")[0], b"<<<<<<< HEAD", data, b"=======", data, b">>>>>>> topic"]
            ),
            "line 2: a merge conflict that was not resolved",
        ),
        (lambda data: data.replace(b"\n", b"\n\xff", 1), "line 2: not UTF-8"),
    ],
    ids=["empty", "blank", "lfs", "conflict", "latin-1"],
)
def test_a_damaged_file_is_named(
    recorded: Path, root: Path, name: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    (recorded / name).write_bytes(damage((recorded / name).read_bytes()))

    with pytest.raises(BaselineError) as caught:
        read_baseline(recorded, root=root)

    path = f"flows/__flowrepro__/train/TrainFlow/{name}"
    assert caught.value.what.startswith(f"{path}: {message}")
    assert path in caught.value.hint or "git lfs pull" in caught.value.hint


@pytest.mark.parametrize("name", ["artifacts.json", "manifest.json"])
@pytest.mark.parametrize("kept", [1, 50, 200])
def test_a_truncated_file_is_named_with_its_last_line(
    recorded: Path, root: Path, name: str, kept: int
) -> None:
    text = (recorded / name).read_text()[:kept]
    (recorded / name).write_text(text)

    with pytest.raises(BaselineError, match=f"{name}: is not valid JSON: line "):
        read_baseline(recorded, root=root)


@pytest.mark.parametrize("name", ALL)
def test_a_folder_a_pipe_and_a_symlink_out_of_the_project_are_not_files(
    recorded: Path, root: Path, name: str
) -> None:
    path = recorded / name
    path.unlink()
    path.mkdir()
    with pytest.raises(BaselineError, match=f"{name}: is a folder, and should be a file"):
        read_baseline(recorded, root=root)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(BaselineError, match=f"{name}: is a special file, and should be a file"):
        read_baseline(recorded, root=root)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(
        BaselineError, match=f"{name}: is a symlink that points outside of the project"
    ):
        read_baseline(recorded, root=root)
    path.unlink()
    path.symlink_to(name)
    with pytest.raises(BaselineError, match=f"{name}: cannot be read"):
        read_baseline(recorded, root=root)


def test_a_huge_file_is_not_read(
    recorded: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "SIZE_LIMIT", 100)

    with pytest.raises(BaselineError, match=r"artifacts.json: has \d+ bytes; the limit is 100"):
        read_baseline(recorded, root=root)


def test_a_file_that_would_take_gigabytes_of_memory_is_named() -> None:
    text = f"[{'[],' * 13_000_000}0]"
    with pytest.raises(BaselineError, match=r"a/artifacts\.json: is too large: its many parts"):
        parse_document(text, "a/artifacts.json")


def test_recording_repairs_a_damaged_baseline(recorded: Path, root: Path) -> None:
    (recorded / "artifacts.json").write_text("<<<<<<< HEAD\n")
    (recorded / "manifest.json").write_bytes(b"\xff")

    changed = write_baseline(recorded, recording(), root=root)

    assert changed == ("artifacts.json", "manifest.json")
    assert read_baseline(recorded, root=root) == recording()


def test_recording_does_not_write_over_what_a_newer_version_recorded(
    recorded: Path, root: Path
) -> None:
    manifest = recorded / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 2'))
    before = manifest.read_text()

    with pytest.raises(BaselineError, match="schema 2") as caught:
        write_baseline(recorded, recording(), root=root)

    assert "upgrade pytest-flowrepro" in str(caught.value)
    assert manifest.read_text() == before


# --- writing ----------------------------------------------------------------------------


def test_a_folder_that_cannot_be_made_is_an_error_in_one_sentence(root: Path) -> None:
    root.mkdir()
    (root / "__flowrepro__").write_text("a file in the way")

    with pytest.raises(BaselineError) as caught:
        write_baseline(baseline_folder(root / "x.py", "F", None), recording(), root=root)

    assert caught.value.what == "__flowrepro__/x/F cannot be written: File exists"


def test_recorders_of_one_flow_wait_for_each_other(folder: Path, root: Path) -> None:
    versions = [locked(f"metaflow=={i}") for i in range(8)]

    def record(lock: Lock) -> None:
        base = Environment(
            name="base", python=Interpreter("cpython", "3.12.1"), packages=(), lock=lock
        )
        write_baseline(folder, replace(recording(), environments=(base,)), root=root)

    threads = [threading.Thread(target=record, args=(lock,)) for lock in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = read_baseline(folder, root=root)
    assert found is not None
    assert found.environments[0].lock in versions
    assert names_in(folder.parent) == ["TrainFlow"]


def test_a_recorder_that_holds_the_folder_too_long_is_an_error(
    recorded: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_RECORDER_TIMEOUT", 0.05)
    message = "^Another process is recording a baseline in flows/__flowrepro__\n"

    with (
        locks.sole_recorder(recorded.resolve().parent.parent, "F"),
        pytest.raises(BaselineError, match=message),
    ):
        write_baseline(recorded, recording(), root=root)
