"""The locks of the baselines in a `__flowrepro__` folder, which share them.

    __flowrepro__/lock-77d0c2a41b9e03f5.txt       named by the first 16 digits of its SHA-256
    __flowrepro__/train/TrainFlow/manifest.json   refers to it, by name and SHA-256

Invariant: a lock exists as long as a baseline refers to it. One recorder at a time writes below a
`__flowrepro__` folder. It writes its locks before its baseline replaces the old one, and deletes
those that no baseline refers to afterwards. A recorder that is stopped leaves a lock too many,
which the next one deletes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.errors import broken
from pytest_flowrepro.baseline.folder import MANIFEST
from pytest_flowrepro.baseline.swap import sync
from pytest_flowrepro.baseline.texts import read_text
from pytest_flowrepro.support.cache import cache_root
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NAME = re.compile(r"lock-[0-9a-f]{16}\.txt")
_PART = re.compile(rf"\.{_NAME.pattern}\.new")
_RECORDER_TIMEOUT = 120.0
"""Seconds to wait for the recorders of other flows in the folder, which only write their files."""


def lock_place(baseline: str, name: str) -> str:
    """Return the path of a lock in messages; `baseline` is that of the baseline's folder."""
    return (PurePosixPath(baseline).parent.parent / name).as_posix() if baseline else name


def is_lock(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def missing_lock(baseline: str, name: str) -> BaselineError:
    """Return the error that a lock of a baseline does not exist."""
    file = lock_place(baseline, name)
    return broken(
        file,
        f"is missing, a lock of {baseline}" if baseline else "is missing",
        hint=f"restore it with `git checkout -- {file}`. If a merge deleted it, `git log -1 -- "
        f"{file}` shows the commit, and `git checkout COMMIT^ -- {file}` restores it. Or record "
        "the flow again with --flow-repro-update",
    )


def locks_folder(baseline: Path) -> Path:
    """Return the folder of a baseline's locks, with symlinks resolved."""
    return baseline.parent.resolve().parent


def lock_files(baseline: Path) -> tuple[Path, ...]:
    """Return the files of the locks that a baseline refers to, which may not exist."""
    folder = locks_folder(baseline)
    return tuple(folder / name for name in sorted(_referred(baseline) or ()))


def read_locks(folder: Path, manifest: str, baseline: str, *, root: Path) -> dict[str, str]:
    """Return the texts of the existing locks that a manifest refers to, by file name.

    `baseline` is the baseline's folder in messages. Raises `BaselineError` for a broken file.
    """
    return {
        name: read_text(folder / name, lock_place(baseline, name), root=root)
        for name in sorted(set(_NAME.findall(manifest)))
        if os.path.lexists(folder / name)
    }


@contextmanager
def sole_recorder(folder: Path, shown: str) -> Iterator[None]:
    """Hold a lock of the operating system on the baselines in a `__flowrepro__` folder.

    `shown` is the folder in messages. The lock ends with this process in any case. Its file is in
    the user's cache and not in the folder, where it would get into git.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  only a recorder needs them

    locks = cache_root() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()
    try:
        with FileLock(locks / f"{key}.lock", timeout=_RECORDER_TIMEOUT):
            yield
    except Timeout:
        raise BaselineError(
            f"Another process is recording a baseline in {shown}",
            hint="wait until that process has ended, and record again",
        ) from None


def write_locks(folder: Path, locks: Mapping[str, str], *, root: Path) -> set[str]:
    """Write the locks that are missing or damaged; return their names. For the sole recorder.

    A reader finds a complete file or none. Raises `OSError`.
    """
    written = {name for name, text in locks.items() if _text(folder / name, root=root) != text}
    for name in sorted(written):
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{name}.new"
        part.write_bytes(locks[name].encode())
        sync(part)
        part.replace(folder / name)
    if written:
        sync(folder)
    return written


def remove_unused_locks(folder: Path) -> None:
    """Delete the locks that no baseline refers to. For the sole recorder; raises `OSError`.

    None is deleted if a baseline's references are unknown, because its manifest is damaged.
    """
    if not folder.is_dir():
        return
    names = {path.name for path in folder.iterdir()}
    for name in names:
        if _PART.fullmatch(name):
            (folder / name).unlink()
    unused = {name for name in names if is_lock(name)}
    baselines = _baselines(folder)
    while unused:
        baseline = next(baselines, None)
        if baseline is None:
            break
        referred = _referred(baseline)
        if referred is None:
            return
        unused -= referred
    for name in sorted(unused):
        (folder / name).unlink()


def _text(file: Path, *, root: Path) -> str | None:
    try:
        return read_text(file, file.name, root=root)
    except BaselineError:  # missing, or damaged
        return None


def _baselines(folder: Path) -> Iterator[Path]:
    """Yield the baselines in a `__flowrepro__` folder.

    Those that a stopped recorder has moved aside count, too (`swap`).
    """
    for stem in folder.iterdir():
        for baseline in stem.iterdir() if stem.is_dir() else ():
            name = baseline.name
            if not name.startswith(".") or name.endswith(".old"):
                yield baseline


def _referred(baseline: Path) -> set[str] | None:
    """Return the names of the locks of a baseline; None if its manifest is damaged."""
    try:
        text = (baseline / MANIFEST).read_text(encoding="utf-8-sig")
        json.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except ValueError:
        return None
    return set(_NAME.findall(text))
