"""The caches: what is in them, and what a cleanup may delete."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.cli.main import main
from pytest_flowrepro.support import cache_cleanup
from pytest_flowrepro.support.cache import mark_used, use_caches
from pytest_flowrepro.support.cache_cleanup import (
    clean_up_daily,
    read_contents,
    remove_entries,
    running_sessions,
    selected,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
WHEEL = f"wheels/sha256/{A}/six-1.17.0-py2.py3-none-any.whl"
FILES = {
    WHEEL: 11_000,
    f"conda/{B}/python-3.11.7-0.conda": 2_500_000,
    "bytecode/0123456789abcdef.txt": 40,
    "uv/2026-11/simple-v1/index": 1,
    "uv/2026-11/simple-v1/other": 2,
    f"flows/{'d' * 16}-{'e' * 32}.json": 5,
    "interpreters/py_info/4/dd.json": 4,
    f"errors/traceback-{'f' * 12}.txt": 6,
    f"locks/{C}.lock": 0,
}
TIMES = {"wheels": 40, "conda": 3, "bytecode": 20, "uv": 1, "locks": 50}
"""Days since the last use, of the kinds that were not used today."""
DAY = 24 * 3600.0


def entry_of(path: str) -> str:
    """Return the path of the entry that a file is in."""
    depth = {"wheels": 3, "conda": 2, "uv": 2, "interpreters": 2}.get(
        path.split("/", maxsplit=1)[0], 2
    )
    return "/".join(path.split("/")[:depth])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = tmp_path / "pytest-flowrepro"
    for path, size in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x" * size)
    for path in FILES:
        age = TIMES.get(path.split("/")[0], 0.1) * DAY
        os.utime(root / entry_of(path), (time.time() - age,) * 2)
    return root


def files(cache: Path) -> set[str]:
    """Return the files of entries, also those that are being deleted."""
    own = {"guard.lock", "last-cleanup"}
    found = {file.relative_to(cache).as_posix() for file in cache.rglob("*") if file.is_file()}
    return {name for name in found if name not in own and not name.startswith("sessions/")}


@pytest.fixture
def other_session(cache: Path) -> Iterator[None]:  # noqa: ARG001  before the process starts
    load = "from pytest_flowrepro.support.cache import use_caches"
    argv = [sys.executable, "-c", f"{load}; f = use_caches(); print(1, flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"1\n"
        yield
        other.kill()


# --- the commands ---------------------------------------------------------------------


def test_the_size_and_the_age_of_each_kind_are_shown(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cache / "wheels" / "notes.txt").touch()
    assert main(["cache"]) == 0
    shown = (
        "kind           entries       size  last used\n"
        "wheels               1    11.0 kB  40 d ago\n"
        "conda                1     2.5 MB  3 d ago\n"
        "bytecode             1       40 B  20 d ago\n"
        "uv                   1        3 B  1 d ago\n"
        "flows                1        5 B  2 h ago\n"
        "interpreters         1        4 B  2 h ago\n"
        "errors               1        6 B  2 h ago\n"
        "locks                1        0 B  50 d ago\n"
        "total                8     2.5 MB  2 h to 50 d ago\n"
    )
    remark = f"{cache}\nnot of pytest-flowrepro, and never deleted: wheels/notes.txt\n"
    assert capsys.readouterr() == (shown, remark)


def test_clean_shows_what_it_deletes_and_how_many_bytes(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clean", "--dry-run"]) == 0
    listed, remark = capsys.readouterr()
    assert listed.splitlines()[:4] == [
        f"   11.0 kB  {WHEEL}",
        f"    2.5 MB  conda/{B}/python-3.11.7-0.conda",
        "      40 B  bytecode/0123456789abcdef.txt",
        "       3 B  uv/2026-11",
    ]
    assert remark == f"2.5 MB would be deleted from {cache}\n"
    assert files(cache) == set(FILES)

    assert main(["clean"]) == 0
    assert capsys.readouterr() == (listed, f"2.5 MB deleted from {cache}\n")
    assert files(cache) == set()

    assert main(["clean"]) == 0
    assert capsys.readouterr() == ("", f"0 B deleted from {cache}\n")


@pytest.mark.parametrize(
    ("limits", "deleted"),
    [
        (["--older-than=41d"], {"locks"}),
        (["--older-than=15"], {"wheels", "bytecode", "locks"}),
        (["--max-size=1TB"], set()),
        (["--max-size=2.505MB"], {"wheels"}),
        (["--max-size=1kB"], {"wheels", "bytecode", "conda"}),
        (["--older-than=41d", "--max-size=2.505MB"], {"locks", "wheels"}),
        (["--max-size=0"], {path.split("/")[0] for path in FILES} - {"locks"}),
    ],
)
def test_limits_delete_what_was_not_used_for_the_longest_time(
    cache: Path, limits: list[str], deleted: set[str]
) -> None:
    assert main(["clean", *limits]) == 0
    assert {name.split("/")[0] for name in set(FILES) - files(cache)} == deleted


@pytest.mark.parametrize("limit", ["--older-than=-1", "--older-than=soon", "--max-size=much"])
def test_limits_that_are_none_are_refused(
    cache: Path, limit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["clean", limit])
    option, _, value = limit.partition("=")
    kind = "age" if "older" in option else "size"
    assert f"{option}: invalid {kind}: '{value}'; write " in capsys.readouterr().err
    assert files(cache) == set(FILES)


def test_a_lock_that_a_process_may_wait_for_is_kept(cache: Path) -> None:
    os.utime(cache / f"locks/{C}.lock")
    assert main(["clean"]) == 0
    assert files(cache) == {f"locks/{C}.lock"}


def test_caches_that_are_not_there_are_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing"))
    assert main(["clean"]) == main(["cache"]) == 0
    assert "total                0        0 B  never" in capsys.readouterr().out
    clean_up_daily(unused_for=0, max_size=0)
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "nothing").touch()
    assert use_caches() is None
    assert read_contents().entries == ()


# --- in use ---------------------------------------------------------------------------


@pytest.mark.usefixtures("other_session")
def test_what_a_running_session_uses_is_kept(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other session has marked the entry; this one has a session of its own, too."""
    mark_used(cache / entry_of(WHEEL))
    own = use_caches()
    assert own is not None
    assert running_sessions() == 2
    own.close()
    assert main(["clean"]) == 0
    assert files(cache) == {WHEEL}
    remark = capsys.readouterr().err.splitlines()
    assert remark == [
        f"2.5 MB deleted from {cache}",
        "11.0 kB kept, which a running session uses",
    ]


def test_the_marks_of_a_session_that_was_killed_are_void(cache: Path) -> None:
    load = "from pytest_flowrepro.support.cache import use_caches"
    code = f"{load}; import os, signal; f = use_caches(); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(list((cache / "sessions").iterdir())) == 1
    mark_used(cache / entry_of(WHEEL))
    assert running_sessions() == 0
    assert main(["clean"]) == 0
    assert files(cache) == set()


def test_an_entry_that_was_used_since_it_was_listed_is_kept(cache: Path) -> None:
    entries = selected(read_contents().entries)
    mark_used(cache / entry_of(WHEEL))
    outcome = remove_entries(entries)
    assert [entry.kind for entry in outcome.in_use] == ["wheels"]
    assert files(cache) == {WHEEL}


def test_no_marked_entry_is_ever_deleted(cache: Path) -> None:
    """Sessions mark and read entries while others clean as fast as they can."""
    use = use_caches()
    assert use is not None
    stop, lost = threading.Event(), []
    entry = cache / "conda" / B

    def clean() -> None:
        while not stop.is_set():
            remove_entries(selected(read_contents().entries))

    cleaners = [threading.Thread(target=clean) for _ in range(2)]
    for cleaner in cleaners:
        cleaner.start()
    try:
        for _ in range(200):
            entry.mkdir(parents=True, exist_ok=True)
            (entry / "archive").write_bytes(b"x")
            os.utime(entry, (time.time() - 9 * DAY,) * 2)
            mark_used(entry)
            if not entry.exists():
                continue  # deleted before it was marked
            time.sleep(0.005)  # several cleanups
            try:
                (entry / "archive").read_bytes()
            except OSError:
                lost.append(entry)
    finally:
        stop.set()
        for cleaner in cleaners:
            cleaner.join()
        use.close()
    assert not lost


# --- what is not ours -----------------------------------------------------------------


def test_foreign_files_and_links_are_left_alone(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "precious"
    (precious / C).mkdir(parents=True)
    (precious / C / "data").write_bytes(b"1")
    (precious / "2025-01").mkdir()
    shutil.rmtree(cache / "conda")
    (cache / "conda").symlink_to(precious)  # all of its entries look like ours
    (cache / f"wheels/sha256/{C}").symlink_to(precious / C)
    (cache / "uv" / "2025-01").symlink_to(precious / "2025-01")
    (cache / "bytecode" / "own.py").write_bytes(b"1")
    (cache / "other").mkdir()
    assert main(["clean"]) == 0
    assert files(cache) == {"bytecode/own.py"}
    assert (cache / "other").exists()
    assert (precious / C / "data").exists()
    assert capsys.readouterr().err.splitlines()[1] == (
        f"not of pytest-flowrepro, and left alone: wheels/sha256/{C}, conda, bytecode/own.py, "
        "uv/2025-01"
    )


def test_a_link_inside_an_entry_is_deleted_but_not_followed(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "data").touch()
    (cache / f"conda/{B}/link").symlink_to(tmp_path / "precious")
    assert main(["clean"]) == 0
    assert files(cache) == set()
    assert (tmp_path / "precious" / "data").exists()


def test_the_folder_for_deletions_may_not_be_a_link(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "precious" / "cleanup-1").mkdir(parents=True)
    (cache / "deleted").symlink_to(tmp_path / "precious")
    assert main(["clean"]) == 2
    assert "cannot be locked and changed" in capsys.readouterr().err
    assert files(cache) == set(FILES)
    assert (tmp_path / "precious" / "cleanup-1").exists()


def test_what_a_cleanup_left_behind_is_deleted_by_the_next(cache: Path) -> None:
    (cache / "deleted" / "cleanup-1" / "0").mkdir(parents=True)
    (cache / "deleted" / "notes").mkdir()
    assert main(["clean"]) == 0
    assert [path.name for path in (cache / "deleted").iterdir()] == ["notes"]


def test_what_cannot_be_deleted_is_named(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.rename", refuse)
    assert main(["clean"]) == 2
    told = capsys.readouterr().err
    assert f"8 of the files in {cache} could not be deleted; 0 B were" in told
    assert f"{cache}/conda/{B}: Permission denied" in told
    assert files(cache) == set(FILES)


# --- at the end of a session ----------------------------------------------------------


def test_a_session_cleans_up_once_a_day(cache: Path) -> None:
    clean_up_daily(unused_for=30 * DAY, max_size=10**9)
    assert WHEEL not in (left := files(cache))
    assert len(left) == len(FILES) - 2
    clean_up_daily(unused_for=0, max_size=0)
    assert files(cache) == left
    os.utime(cache / "last-cleanup", (time.time() - 1.1 * DAY,) * 2)
    clean_up_daily(unused_for=30 * DAY, max_size=100)
    assert f"conda/{B}/python-3.11.7-0.conda" not in files(cache)


def test_a_session_does_not_fail_by_its_cleanup(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache_cleanup, "read_contents", fail)
    clean_up_daily(unused_for=0, max_size=0)
    assert files(cache) == set(FILES)
