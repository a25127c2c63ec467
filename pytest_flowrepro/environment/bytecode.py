"""Bytecode for the flows of a session, compiled by the plugin alone from installed sources.

A flow may write bytecode, and Python runs any that it finds. So each rerun has its own folder for
bytecode (PYTHONPYCACHEPREFIX), which is deleted after the rerun. It starts as a copy of the
bytecode compiled in this session. That is compiled from the sources of the environment, which come
from locked wheels, from the plugin's own sources and from the standard library of the interpreter.
No bytecode is kept between sessions, because nothing could prove which source it was compiled from.

Compiling everything that is installed would take seconds, and a flow needs only a part of it. So
the names of the modules that flows had to compile are kept in the user's cache, per contents of
a lock and interpreter, and the next session compiles these. A wrong name only costs time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, TypeAlias

from filelock import FileLock, Timeout

from pytest_flowrepro.environment.installed_files import state_of
from pytest_flowrepro.environment.manifest import base_prefix, site_packages
from pytest_flowrepro.support.cache import mark_used, user_cache
from pytest_flowrepro.support.cpus import processors
from pytest_flowrepro.support.in_venv import IN_VENV
from pytest_flowrepro.support.process import CommandNotFoundError, isolated_environment, run_process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.environment.installed_files import State
    from pytest_flowrepro.model import BuiltEnvironment

_COMPILER = IN_VENV / "compile_sources.py"
_COMPILED = "pycache"
_INDEX = "flowrepro-complete.pycache"
_COMPILE_TIMEOUT = 120.0
"""Seconds; without bytecode a flow runs slower, with the same results."""

_MOST_MODULES = 50_000
_OUTSIDE = {"", ".."}

_Version: TypeAlias = "tuple[int, int] | None"
"""Inode and size of a file; None if it does not exist."""


def place_bytecode(environments: Iterable[BuiltEnvironment], folder: Path) -> None:
    """Fill the bytecode folder of a rerun with modules that flows of these environments needed."""
    made = set()
    for built in environments:
        compiled = compiled_bytecode(built)
        # There are hundreds of small files before each rerun: plain strings and few calls are fast.
        for target in _read_index(built.path):
            destination = f"{folder}/{target}"
            parent, _, _ = destination.rpartition("/")
            with contextlib.suppress(OSError):
                if parent not in made:
                    os.makedirs(parent, exist_ok=True)  # noqa: PTH103
                    made.add(parent)
                with open(f"{compiled}/{target}", "rb") as source, open(destination, "xb") as copy:  # noqa: PTH123
                    copy.write(source.read())


def compiled_bytecode(built: BuiltEnvironment) -> Path:
    """Return the folder of an environment's compiled bytecode, as PYTHONPYCACHEPREFIX takes it.

    It is read-only for callers. Files that were not compiled here are deleted from it.
    """
    folder = built.path / _COMPILED
    lock = FileLock(built.path / f"{_INDEX}.lock", timeout=_COMPILE_TIMEOUT)
    with contextlib.suppress(Timeout, OSError), lock:
        _compile_known(built)
        index, start = _read_index(built.path), len(f"{folder}/")
        for place, _, names in os.walk(folder):
            for path in (f"{place}/{name}" for name in names):
                if index.get(path[start:]) != state_of(os.lstat(path)):
                    os.unlink(path)  # noqa: PTH108
    return folder


def learn_modules(environments: Iterable[BuiltEnvironment], folder: Path) -> None:
    """Keep the names of the modules whose bytecode a rerun left in `folder`."""
    cache = user_cache("bytecode")
    if cache is None:
        return
    for built in environments:
        file = _names_file(cache, built)
        learned = _known_names(file)
        names = {
            name
            for root, sources in _roots(built).items()
            for path in _bytecode_below(folder.joinpath(*sources.parts[1:]))
            if (name := f"{root}/{path}") not in learned and _source_of(sources / path).exists()
        }
        with contextlib.suppress(OSError):
            if not names:
                mark_used(file)
                continue
            part = file.with_suffix(f".{os.getpid()}")
            lines = sorted(learned | names)[:_MOST_MODULES]
            part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            part.replace(file)


_settled: dict[Path, tuple[_Version, _Version]] = {}
"""The versions of the files of known names and of the index, by environment, when all of the names
were compiled."""


def _compile_known(built: BuiltEnvironment) -> None:
    """Compile, once per session, the sources of an environment that earlier flows needed."""
    cache = user_cache("bytecode")
    if cache is None:
        return
    names_file, index_file = _names_file(cache, built), built.path / _INDEX
    known = _version(names_file)
    if _settled.get(built.path) == (known, _version(index_file)):
        return
    index = _read_index(built.path)
    targets = dict(_not_compiled(built, _known_names(names_file), index))
    if targets:
        _compile_targets(built, targets, index)
    _settled[built.path] = known, _version(index_file)


def _version(file: Path) -> _Version:
    """Return what differs after a file was replaced by one with more names; not its times."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size


def _not_compiled(
    built: BuiltEnvironment, names: Iterable[str], index: Mapping[str, State]
) -> Iterator[tuple[str, Path]]:
    """Yield the modules without bytecode: its path below `_COMPILED`, and its usual place."""
    roots = _roots(built)
    for name in names:
        root, _, path = name.partition("/")
        if root in roots:
            bytecode = roots[root] / path
            target = "/".join(bytecode.parts[1:])
            if target not in index and _source_of(bytecode).exists():
                yield target, bytecode


def _compile_targets(
    built: BuiltEnvironment, targets: Mapping[str, Path], index: dict[str, State]
) -> None:
    compiled = built.path / _COMPILED
    todo = []
    for target, bytecode in targets.items():
        compiled_file = compiled / target
        compiled_file.parent.mkdir(parents=True, exist_ok=True)
        brought = bytecode.parent / "__pycache__" / bytecode.name
        if built.path not in bytecode.parents and brought.exists():
            shutil.copyfile(brought, compiled_file)
        else:
            todo.append((str(_source_of(bytecode)), str(compiled_file)))
    _compile(built.python, todo, workspace=built.path)
    for target in targets:
        with contextlib.suppress(OSError):
            index[target] = state_of((compiled / target).lstat())
    part = built.path / f"{_INDEX}.part"
    part.write_text(json.dumps(index), encoding="utf-8")
    part.replace(built.path / _INDEX)


def _compile(python: Path, sources: list[tuple[str, str]], *, workspace: Path) -> None:
    """Compile each source to its target without importing anything of the environment."""
    request = workspace / f"{_INDEX}.request"
    request.write_text(json.dumps({"processes": processors(), "sources": sources}), "utf-8")
    argv = (python, "-I", "-S", "-B", _COMPILER, request)
    env = isolated_environment({})
    with contextlib.suppress(CommandNotFoundError):
        run_process(argv, env=env, cwd=workspace, timeout=_COMPILE_TIMEOUT)


def _read_index(environment: Path) -> dict[str, State]:
    """Return the states of the compiled files, by path below `_COMPILED`."""
    try:
        states_by_path = json.loads((environment / _INDEX).read_text(encoding="utf-8"))
        return {path: tuple(state) for path, state in states_by_path.items()}
    except (OSError, ValueError):
        return {}


def _roots(built: BuiltEnvironment) -> dict[str, Path]:
    """Return the folders of sources by names that are the same in each session."""
    roots = {"environment": built.path, "flowrepro": _COMPILER.parent}
    if (built.path / "pyvenv.cfg").exists():  # a conda prefix contains its own Python
        inside = site_packages(built.path).parent.relative_to(built.path)
        roots["library"] = base_prefix(built.path) / inside
    return roots


def _bytecode_below(folder: Path) -> Iterator[str]:
    """Yield the bytecode files below a folder, as relative paths, without those of `python -O`."""
    start = len(f"{folder}/")
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".pyc") and ".opt-" not in name:
                yield f"{place}/{name}"[start:]


def _source_of(bytecode: Path) -> Path:
    """Return the source of a bytecode file: `six.py` for `six.cpython-311.pyc`."""
    return bytecode.with_suffix("").with_suffix(".py")


def _names_file(cache: Path, built: BuiltEnvironment) -> Path:
    identity = f"{built.manifest.python}\n{built.manifest.lock.contents}"
    return cache / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.txt"


def _known_names(file: Path) -> set[str]:
    """Return names of the form `environment/lib/python3.11/site-packages/six.cpython-311.pyc`."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()[:_MOST_MODULES]
    except (OSError, ValueError):
        return set()
    return {line for line in lines if line.endswith(".pyc") and not _OUTSIDE & {*line.split("/")}}
