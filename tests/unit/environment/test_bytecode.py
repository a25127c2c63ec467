from __future__ import annotations

import importlib.util
import marshal
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from compiled import import_thing
from locks import locked

from pytest_flowrepro.environment import bytecode
from pytest_flowrepro.environment.bytecode import _not_compiled, learn_modules, place_bytecode
from pytest_flowrepro.environment.installed_files import edited_files, note_complete
from pytest_flowrepro.model import BuiltEnvironment, Environment, Interpreter, Lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOCK = locked("six==1.17.0")
LIBRARY = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pytest-flowrepro" / "bytecode"


def environment(
    folder: Path, source: str = "value = 1\n", *, lock: Lock = LOCK, conda: bool = False
) -> BuiltEnvironment:
    """As if it had been installed a moment ago."""
    packages = folder / LIBRARY / "site-packages"
    packages.mkdir(parents=True)
    (packages / "thing.py").write_text(source)
    (packages / "broken.py").write_text("def:\n")
    if not conda:
        settings = f"base-prefix = {sys.base_prefix}\nversion = 3.11.7\n"
        (folder / "pyvenv.cfg").write_text(f"{settings}implementation = CPython\n")
    note_complete(folder)
    manifest = Environment(
        name="base", python=Interpreter("cpython", "3.11.7"), packages=(), lock=lock
    )
    return BuiltEnvironment(path=folder, python=Path(sys.executable), manifest=manifest)


def rerun(built: BuiltEnvironment, folder: Path) -> tuple[str, bool]:
    """What a flow sees of `thing`, and whether it had to compile it."""
    place_bytecode([built], folder)
    seen = import_thing(built, folder)
    learn_modules([built], folder)
    return seen


def bytecode_of(source: Path, folder: Path) -> Path:
    name = Path(importlib.util.cache_from_source(source.name)).name
    return folder.joinpath(*source.parent.parts[1:], name)


def forge(bytecode: Iterable[Path], source: Path) -> None:
    """What Python takes for the bytecode of `source`, and is not."""
    status = source.stat()
    header = importlib.util.MAGIC_NUMBER + (0).to_bytes(4, "little")
    header += int(status.st_mtime).to_bytes(4, "little") + status.st_size.to_bytes(4, "little")
    code = marshal.dumps(compile("value = 'forged'", source, "exec"))
    for file in bytecode:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(header + code)


@pytest.mark.parametrize("conda", [False, True])
def test_the_next_rerun_finds_compiled_what_the_last_one_needed(
    tmp_path: Path, *, conda: bool
) -> None:
    first = environment(tmp_path / "first", conda=conda)
    assert rerun(first, tmp_path / "1") == ("1", True)
    assert rerun(first, tmp_path / "2") == ("1", False)
    assert rerun(environment(tmp_path / "next", conda=conda), tmp_path / "3") == ("1", False)
    assert edited_files(first.path) == ()


def test_names_are_looked_at_again_only_if_there_are_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def not_compiled(*args: Any) -> Iterator[tuple[str, Path]]:
        asked.append(args)
        return _not_compiled(*args)

    monkeypatch.setattr(bytecode, "_not_compiled", not_compiled)
    built = environment(tmp_path / "first")
    counts = []
    for number in range(4):
        rerun(built, tmp_path / str(number))
        counts.append(len(asked))
    assert counts[-1] == counts[1] == 2, "before and after the first rerun, which learned them"


def test_what_no_rerun_needed_is_not_compiled(tmp_path: Path) -> None:
    rerun(environment(tmp_path / "first"), tmp_path / "1")
    second = environment(tmp_path / "second")
    place_bytecode([second], tmp_path / "2")
    found = [file.name for file in (tmp_path / "2").joinpath(*second.path.parts[1:]).rglob("*.pyc")]
    assert [name.partition(".")[0] for name in found] == ["thing"]


def test_the_standard_library_is_not_compiled_for_each_rerun(tmp_path: Path) -> None:
    rerun(environment(tmp_path / "first"), tmp_path / "1")
    place_bytecode([environment(tmp_path / "second")], tmp_path / "2")
    library = (tmp_path / "2").joinpath(*Path(os.__file__).parent.parts[1:])
    assert list(library.glob("encodings/*.pyc"))


def test_another_lock_has_its_own_names(tmp_path: Path) -> None:
    rerun(environment(tmp_path / "first"), tmp_path / "1")
    other = locked("six==1.16.0")
    assert rerun(environment(tmp_path / "second", lock=other), tmp_path / "2") == ("1", True)


def test_bytecode_that_a_flow_forged_reaches_no_other_rerun(tmp_path: Path) -> None:
    """In the folder of its rerun, in the environment, and in the user's cache."""
    first = environment(tmp_path / "first")
    rerun(first, tmp_path / "1")
    rerun(first, tmp_path / "2")
    source = first.path / LIBRARY / "site-packages" / "thing.py"
    places = [tmp_path / "2", first.path / "pycache", tmp_path / "cache" / "pytest-flowrepro"]
    forge((bytecode_of(source, place) for place in places), source)
    forge((tmp_path / "cache").rglob("*.pyc"), source)
    assert import_thing(first, tmp_path / "2") == ("forged", False)

    assert rerun(first, tmp_path / "3") == ("1", True)
    assert rerun(environment(tmp_path / "next"), tmp_path / "4") == ("1", False)


def test_what_a_flow_edits_is_compiled_as_it_is(tmp_path: Path) -> None:
    first = environment(tmp_path / "first")
    rerun(first, tmp_path / "1")
    source = first.path / LIBRARY / "site-packages" / "thing.py"
    source.write_text("value = 'edited'\n")
    assert rerun(first, tmp_path / "2") == ("edited", False)
    assert rerun(environment(tmp_path / "next"), tmp_path / "3") == ("1", False)


@pytest.mark.parametrize(
    "names",
    [
        "environment/lib/../../../{}/elsewhere.cpython-311.pyc\n",
        "environment//{}/elsewhere.cpython-311.pyc\n",
        "nowhere/thing.cpython-311.pyc\n",
        "environment/lib/gone.cpython-311.pyc\nenvironment/pyvenv.cfg\n",
        "\0\n\n/\n",
    ],
)
def test_names_that_are_none_are_passed_over(tmp_path: Path, cache: Path, names: str) -> None:
    (tmp_path / "elsewhere.py").touch()
    rerun(environment(tmp_path / "first"), tmp_path / "1")
    (kept,) = cache.iterdir()
    kept.write_text(names.format(tmp_path) + kept.read_text())
    before = {file for file in tmp_path.rglob("elsewhere*") if "next" not in file.parts}

    assert rerun(environment(tmp_path / "next"), tmp_path / "2") == ("1", False)

    assert {file for file in tmp_path.rglob("elsewhere*") if "next" not in file.parts} == before


def test_names_that_are_not_text_are_learned_again(tmp_path: Path, cache: Path) -> None:
    rerun(environment(tmp_path / "first"), tmp_path / "1")
    (kept,) = cache.iterdir()
    kept.write_bytes(b"\xff\xfe")
    assert rerun(environment(tmp_path / "second"), tmp_path / "2") == ("1", True)
    assert rerun(environment(tmp_path / "third"), tmp_path / "3") == ("1", False)


def test_the_use_of_names_is_marked(tmp_path: Path, cache: Path) -> None:
    rerun(environment(tmp_path / "first"), tmp_path / "1")
    (used,) = cache.iterdir()
    os.utime(used, (0, 0))
    rerun(environment(tmp_path / "second", lock=locked("another==1")), tmp_path / "2")
    assert used.stat().st_mtime == 0
    rerun(environment(tmp_path / "third"), tmp_path / "3")
    assert used.stat().st_mtime > 0


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert rerun(environment(tmp_path / "first"), tmp_path / "1") == ("1", True)
