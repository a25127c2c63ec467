from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from compiled import compiled, import_thing

from pytest_flowrepro.environment.files import edited_files, read_files
from pytest_flowrepro.environment.prefix import complete_prefix
from pytest_flowrepro.model import BuiltEnvironment, Environment, Lock


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def prefix(
    folder: Path, *, rewritten: bool = False, metaflow: str = "sha256:aa", lock: str = "one"
) -> BuiltEnvironment:
    """A module that says where it is, as conda may have written it; no Python is there."""
    packages = folder / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    source = packages / "thing.py"
    source.write_text(f"value = {str(folder)!r}\n")
    installed = 1_700_000_000 + len(folder.name)
    os.utime(source, (installed, installed))
    about = json.dumps({"name": "python", "version": "3.11.7", "build": "0_cpython"})
    (folder / "conda-meta").mkdir()
    (folder / "conda-meta" / "python-3.11.7-0_cpython.json").write_text(about)
    manifest = Environment(
        name="step-train", python="cpython 3.11.7", packages=(), lock=Lock(text=lock)
    )
    built = BuiltEnvironment(path=folder, python=Path(sys.executable), manifest=manifest)
    names = [str(source.relative_to(folder)), "bin/tool"] if rewritten else []
    complete_prefix(folder, read_files(folder), lock=lock, rewritten=names, metaflow=metaflow)
    assert edited_files(folder) == ()
    return built


def test_the_next_prefix_of_the_same_lock_and_metaflow_finds_the_bytecode(tmp_path: Path) -> None:
    assert compiled(prefix(tmp_path / "a" / "first"))
    # A path of one length, so that the source has one size; installed at another time.
    assert not compiled(prefix(tmp_path / "bcd" / "one"))
    assert compiled(prefix(tmp_path / "c" / "third", metaflow="sha256:bb"))
    assert compiled(prefix(tmp_path / "d" / "forth", lock="two"))


def test_a_file_with_its_prefix_written_into_it_is_compiled_in_each(tmp_path: Path) -> None:
    for name in ("first", "other"):  # paths of one length
        built = prefix(tmp_path / name, rewritten=True)
        assert import_thing(built) == (str(built.path), True)
