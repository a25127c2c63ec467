from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.cli.main import main
from pytest_flowrepro.support.cache_cleanup import find_entries, use_caches

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "wheels/sha256/aa/six-1.17.0-py2.py3-none-any.whl": 11_000,
    "conda/bb/python-3.11.7-0.conda": 2_500_000,
    "bytecode/0123456789abcdef.txt": 40,
    "uv/2026-11/simple-v1/index": 1,
    "uv/2026-11/simple-v1/other": 2,
    "locks/cc.lock": 0,
    "interpreters/py_info/4/dd.json": 4,
}
DAY = 24 * 3600.0


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = tmp_path / "pytest-flowrepro"
    for path, size in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x" * size)
    return root


def files(cache: Path) -> set[str]:
    found = {file.relative_to(cache).as_posix() for file in cache.rglob("*") if file.is_file()}
    return found - {"in-use.lock"}


def test_clean_shows_what_it_deletes_and_how_many_bytes(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clean", "--dry-run"]) == 0
    listed, remark = capsys.readouterr()
    assert listed == (
        "   11.0 kB  wheels/sha256/aa/six-1.17.0-py2.py3-none-any.whl\n"
        "    2.5 MB  conda/bb/python-3.11.7-0.conda\n"
        "      40 B  bytecode/0123456789abcdef.txt\n"
        "       3 B  uv/2026-11\n"
        "       0 B  locks/cc.lock\n"
        "       4 B  interpreters/py_info\n"
    )
    assert remark == f"2.5 MB would be deleted from {cache}\n"
    assert files(cache) == set(FILES)

    assert main(["clean"]) == 0
    assert capsys.readouterr() == (listed, f"2.5 MB deleted from {cache}\n")
    assert files(cache) == set()

    assert main(["clean"]) == 0
    assert capsys.readouterr() == ("", f"0 B deleted from {cache}\n")


def test_only_what_was_not_used_for_so_many_days_is_deleted(cache: Path) -> None:
    weeks_ago = time.time() - 15 * DAY
    for entry in ("wheels/sha256/aa", "bytecode/0123456789abcdef.txt"):
        os.utime(cache / entry, (weeks_ago, weeks_ago))

    assert main(["clean", "--older-than", "15.5"]) == 0
    assert files(cache) == set(FILES)
    assert main(["clean", "--older-than", "14"]) == 0
    assert files(cache) == {name for name in FILES if not name.startswith(("wheels", "bytecode"))}


def test_what_a_session_uses_is_left_alone(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load = "from pytest_flowrepro.support.cache_cleanup import use_caches"
    argv = [sys.executable, "-c", f"{load}; f = use_caches(); print(1, flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"1\n"
        used = use_caches()  # two sessions at a time
        assert used is not None
        used.close()

        assert main(["clean"]) == 2
        assert f"is running and uses {cache}" in capsys.readouterr().err
        assert main(["clean", "--dry-run"]) == 0
        assert files(cache) == set(FILES)
        other.kill()

    assert main(["clean"]) == 0
    assert files(cache) == set()


def test_what_cannot_be_deleted_is_named(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_flowrepro.support.cache_cleanup.delete", lambda _: None)
    assert main(["clean"]) == 2
    assert "Not everything could be deleted" in (told := capsys.readouterr().err)
    assert str(cache / "conda/bb") in told


def test_caches_that_are_not_there_are_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing"))
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "nothing").touch()
    assert use_caches() is None
    assert find_entries() == ()


@pytest.mark.parametrize("days", ["-1", "nan", "soon", "inf"])
def test_days_that_are_none_are_refused(
    cache: Path, days: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["clean", f"--older-than={days}"])
    assert "--older-than: invalid" in capsys.readouterr().err
    assert files(cache) == set(FILES)
