from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_flowrepro.environment.prefix import keep_prefix_bytecode
from pytest_flowrepro.model import BuiltEnvironment, Environment, Lock

PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


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
    manifest = Environment(
        name="step-train", python="cpython 3.11.7", packages=(), lock=Lock(text=lock)
    )
    built = BuiltEnvironment(path=folder, python=Path(sys.executable), manifest=manifest)
    names = [str(source.relative_to(folder)), "bin/tool"] if rewritten else []
    keep_prefix_bytecode(built, metaflow=metaflow, rewritten=names)
    return built


def import_thing(built: BuiltEnvironment) -> tuple[str, bool]:
    """What `thing.value` is in there, and whether Python had to compile it."""
    (packages,) = built.path.glob("lib/*/site-packages")
    done = subprocess.run(
        [sys.executable, "-v", "-c", "import thing; print(thing.value)"],
        env={**PLAIN, "PYTHONPATH": str(packages), "PYTHONPYCACHEPREFIX": str(built.bytecode)},
        capture_output=True,
        text=True,
        check=True,
    )
    written = [line for line in done.stderr.splitlines() if line.startswith("# created ")]
    return done.stdout.strip(), any("thing" in line for line in written)


def compiled(built: BuiltEnvironment) -> bool:
    return import_thing(built)[1]


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
