from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from part_results import part_id

from pytest_flowrepro.model import Shard, SplitFlow
from pytest_flowrepro.plugin.worker_store import (
    Collected,
    SessionFolder,
)
from pytest_flowrepro.support.errors import InternalError, LockError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path("/project/flows/train.py")


def once(shared: SessionFolder, make: Callable[[], str]) -> str:
    return shared.once(shared.flow_folder(FILE, "TrainFlow"), "check", make, encode=str, decode=str)


def test_what_one_process_made_the_others_read(tmp_path: Path) -> None:
    assert once(SessionFolder(tmp_path), lambda: "made") == "made"
    assert once(SessionFolder(tmp_path), lambda: pytest.fail("made again")) == "made"


def test_two_that_ask_at_the_same_time_make_it_once(tmp_path: Path) -> None:
    made = []

    def make() -> str:
        made.append(threading.get_ident())
        time.sleep(0.2)
        return "made"

    def ask() -> None:
        once(SessionFolder(tmp_path), make)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_an_error_is_the_same_error_for_all(tmp_path: Path) -> None:
    def fail() -> str:
        raise LockError("no such package: x", hint="correct it", detail="because")

    for make in (fail, lambda: pytest.fail("tried again")):
        with pytest.raises(LockError, match="no such package: x") as caught:
            once(SessionFolder(tmp_path), make)
        assert (caught.value.hint, caught.value.detail) == ("correct it", "because")


def test_a_fault_of_our_own_is_one_error_for_all_with_its_traceback_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def fail() -> str:
        raise KeyError("surprise")

    told = set()
    for make in (fail, lambda: pytest.fail("tried again")):
        with pytest.raises(InternalError, match="Internal error of pytest-flowrepro") as caught:
            once(SessionFolder(tmp_path / "session"), make)
        told.add(str(caught.value))
    (text,) = told
    (file,) = (tmp_path / "cache" / "pytest-flowrepro" / "errors").iterdir()
    assert str(file) in text.splitlines()[0]
    assert "KeyError: 'surprise'" in text.splitlines()[0]
    assert "in fail" in file.read_text(encoding="utf-8")


def test_a_full_disk_is_left_to_those_who_name_the_folder(tmp_path: Path) -> None:
    def fail() -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        once(SessionFolder(tmp_path), fail)


def test_what_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(SessionFolder(tmp_path), interrupted)
    assert once(SessionFolder(tmp_path), lambda: "made after all") == "made after all"


def test_names_that_look_alike_have_folders_of_their_own(tmp_path: Path) -> None:
    shared = SessionFolder(tmp_path)
    keys = [("a.py", "F"), ("b.py", "F"), ("a.py", "../F"), ("a.py", "..-F")]
    folders = {shared.flow_folder(Path(file), flow) for file, flow in keys}
    assert len(folders) == 4
    assert {folder.parent for folder in folders} == {tmp_path / "flows"}


def test_the_controller_reads_what_the_workers_collected(tmp_path: Path) -> None:
    controller = SessionFolder(tmp_path)
    assert controller.collected() == []
    nothing = Collected(parts=(), files=0)
    flow = Collected(
        parts=(part_id("code"), part_id("step[train]", case="small")),
        files=2,
        deselected=3,
        shard=Shard(
            number=1,
            count=2,
            flows=(SplitFlow(file="a.py", flow="TrainFlow", case="small", shard=1),),
        ),
    )
    for worker, collected in (("gw1", flow), ("gw0", nothing)):
        SessionFolder(tmp_path).leave_collection(worker, collected)
    assert controller.collected() == [nothing, flow]
