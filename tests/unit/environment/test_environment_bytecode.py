from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from compiled import compiled, import_thing

from pytest_flowrepro.environment.bytecode import (
    fix_source_times,
    forget_bytecode,
    keep_bytecode,
)
from pytest_flowrepro.environment.files import read_files
from pytest_flowrepro.model import BuiltEnvironment, Environment, Lock

LOCK = Lock(text="six==1.17.0 --hash=sha256:00\n")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pytest-flowrepro" / "bytecode"


def environment(folder: Path, source: str = "value = 1\n", lock: Lock = LOCK) -> BuiltEnvironment:
    """As if it had been installed a moment ago."""
    packages = (
        folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    )
    packages.mkdir(parents=True)
    (packages / "thing.py").write_text(source)
    (folder / "pyvenv.cfg").write_text(
        f"base-prefix = {sys.base_prefix}\nimplementation = CPython\nversion = 3.11.7\n"
    )
    manifest = Environment(name="base", python="cpython 3.11.7", packages=(), lock=lock)
    built = BuiltEnvironment(path=folder, python=Path(sys.executable), manifest=manifest)
    fix_source_times(folder, read_files(folder))
    keep_bytecode(folder, lock=lock.digest)
    return built


def test_the_next_environment_of_the_same_lock_finds_the_bytecode(tmp_path: Path) -> None:
    assert compiled(environment(tmp_path / "first"))
    assert not compiled(environment(tmp_path / "second"))


def test_the_standard_library_is_not_compiled_for_each_environment(tmp_path: Path) -> None:
    compiled(environment(tmp_path / "first"))
    second = environment(tmp_path / "second")
    library = second.bytecode.joinpath(*Path(os.__file__).parent.parts[1:])
    assert list(library.glob("encodings/*.pyc"))


def test_another_lock_has_its_own(tmp_path: Path) -> None:
    compiled(environment(tmp_path / "first"))
    other = Lock(text="six==1.16.0 --hash=sha256:00\n")
    assert compiled(environment(tmp_path / "second", "value = 2\n", other))


def test_what_a_flow_edits_does_not_reach_the_next_environment(tmp_path: Path) -> None:
    first = environment(tmp_path / "first")
    (source,) = first.path.rglob("thing.py")
    source.write_text("value = 9\n")
    assert import_thing(first)[0] == "9"
    assert import_thing(environment(tmp_path / "second"))[0] == "1"


def test_bytecode_of_an_edit_without_a_trace_is_deleted(tmp_path: Path) -> None:
    first = environment(tmp_path / "first")
    (source,) = first.path.rglob("thing.py")
    time = source.stat().st_mtime
    source.write_text("value = 9\n")
    os.utime(source, (time, time))
    assert import_thing(first)[0] == "9"
    forget_bytecode(first, [source.relative_to(first.path).as_posix()])
    assert import_thing(environment(tmp_path / "second"))[0] == "1"


def test_a_source_that_was_written_to_since_it_was_read_keeps_its_time(tmp_path: Path) -> None:
    source = tmp_path / "thing.py"
    source.write_text("value = 1\n")
    read = read_files(tmp_path)
    source.write_text("value = 9\n")
    before = source.stat().st_mtime_ns
    assert fix_source_times(tmp_path, read) == read
    assert source.stat().st_mtime_ns == before


def test_bytecode_that_nobody_used_for_long_is_deleted(tmp_path: Path, cache: Path) -> None:
    compiled(environment(tmp_path / "first"))
    old = set(cache.iterdir())
    assert old
    for folder in old:
        os.utime(folder, (0, 0))
    compiled(environment(tmp_path / "second", "value = 2\n", Lock(text="another")))
    # The standard library's was used again; that of the first lock was not.
    assert len(old & set(cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert compiled(environment(tmp_path / "first"))
