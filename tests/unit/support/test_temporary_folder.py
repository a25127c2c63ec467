from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from waiting import wait_until

from pytest_flowrepro.support import temporary_folder
from pytest_flowrepro.support.temporary_folder import (
    hold_folder,
    make_folder,
    remove_after_session,
    remove_dead_folders,
    remove_folder,
    remove_unheld,
)

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import os, signal, sys
from pathlib import Path
from pytest_flowrepro.support.temporary_folder import hold_folder

held = hold_folder(Path(sys.argv[1]))
print("held", flush=True)
signal.pause()
"""


def hold_elsewhere(folder: Path) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_the_folder_of_a_dead_session_is_removed_and_that_of_a_live_one_is_not(
    tmp_path: Path,
) -> None:
    folder = make_folder(tmp_path)
    (folder / "flows/deep").mkdir(parents=True)
    with hold_elsewhere(folder) as controller, hold_elsewhere(folder) as worker:
        remove_dead_folders(tmp_path)
        assert folder.exists()
        controller.kill()
        controller.wait()
        remove_dead_folders(tmp_path)
        assert folder.exists()  # a worker lives on for a while
        worker.kill()
    remove_dead_folders(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_kept_is_another_persons_or_none_of_ours_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = make_folder(tmp_path)
    others = tmp_path / "flowrepro-notes.txt"
    others.touch()
    elsewhere = tmp_path / "elsewhere"
    for folder in (elsewhere, dead := make_folder(tmp_path)):
        folder.mkdir(exist_ok=True)
        held = hold_folder(folder)
        assert held is not None
        held.close()
    link = tmp_path / "flowrepro-link"
    link.symlink_to(elsewhere)
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    remove_dead_folders(tmp_path)
    assert dead.exists()
    monkeypatch.undo()
    remove_dead_folders(tmp_path)
    assert set(tmp_path.iterdir()) == {kept, others, elsewhere, link}
    assert (elsewhere / "held").exists()


def test_the_folder_of_a_session_is_removed_in_the_background_once_its_workers_ended(
    tmp_path: Path,
) -> None:
    folder = make_folder(tmp_path)
    (folder / "flows/deep").mkdir(parents=True)
    held = hold_folder(folder)
    with hold_elsewhere(folder) as worker:
        remove_after_session(folder, held)
        assert held is not None
        assert held.closed
        assert (folder / "flows/deep").exists()
        worker.kill()
    wait_until(lambda: not folder.exists())


@pytest.mark.parametrize(("files", "is_in_background"), [(3, False), (300, True)])
def test_a_process_is_started_for_many_files_only(
    files: int, is_in_background: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []

    def start(folder: Path) -> bool:
        started.append(folder)
        return True

    monkeypatch.setattr(temporary_folder, "_start_removal", start)
    folder = make_folder(tmp_path)
    for number in range(files):
        (folder / str(number)).touch()
    remove_after_session(folder, hold_folder(folder))
    assert (started == [folder]) == is_in_background
    assert folder.exists() == is_in_background


def test_without_a_lock_or_another_process_a_folder_is_removed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    for is_held in (False, True):
        folder = make_folder(tmp_path)
        (folder / "flows").mkdir()
        remove_after_session(folder, hold_folder(folder) if is_held else None)
        assert not folder.exists()
    remove_after_session(folder, None)  # it is gone already


def test_a_removal_that_is_killed_leaves_the_lock_for_the_next_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path)
    held = hold_folder(folder)
    assert held is not None
    held.close()
    for name in ("environments", "flows", "t"):
        (folder / name).mkdir()

    class KilledError(Exception):
        pass

    def rmtree(path: Path, **_: object) -> None:
        if len(list(folder.iterdir())) < 4:
            raise KilledError
        path.rmdir()

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", rmtree)
        with pytest.raises(KilledError):
            remove_unheld(folder, timeout=1)
    assert len(list(folder.iterdir())) == 3
    remove_dead_folders(tmp_path)
    assert not folder.exists()


@pytest.mark.skipif(os.getuid() == 0, reason="no permission keeps root from anything")
def test_a_folder_that_a_flow_made_read_only_is_removed(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    (folder / "home/locked").mkdir(parents=True)
    (folder / "home/locked/file").touch()
    (folder / "home/locked").chmod(0o500)
    (folder / "home").chmod(0)
    remove_folder(folder)
    assert not folder.exists()
