"""Reading and writing the baseline of one flow."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.files import (
    MANIFEST,
    Documents,
    decode_documents,
    encode_recording,
    is_baseline_file,
    parse_documents,
    refuse_newer,
)
from pytest_flowrepro.baseline.folder import (
    MISSING,
    checked_folder,
    flow_and_case,
    label,
    real_file,
)
from pytest_flowrepro.baseline.node import broken, parse_document, place
from pytest_flowrepro.baseline.seal import check_seals, is_seal, seal
from pytest_flowrepro.baseline.swap import (
    ReplacedError,
    clean_up,
    replace_folder,
    standing_folder,
)
from pytest_flowrepro.baseline.values import (
    VALUES,
    changed_values,
    checked_values,
    copy_own,
    place_values,
    stored_values,
    value_files,
)
from pytest_flowrepro.model import flow_title
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_flowrepro.model import Recording

SIZE_LIMIT = 200_000_000
"""Bytes of one file; a value is cut short long before (docs/reference/values.md)."""

_RECORDER_TIMEOUT = 60.0
"""Seconds to wait for another recorder of the same flow, which only writes three files."""

_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_LFS_POINTER = "version https://git-lfs.github.com/spec/"


def read_baseline(folder: Path, *, root: Path) -> Recording | None:
    """Return what was recorded in `folder`; None where nothing was.

    CRLF line ends and a byte order mark, which a checkout may add, do not count. Writes nothing.
    Raises `BaselineError` for files that are damaged, edited by hand, of another flow, newer than
    this version, or not in `root`.
    """
    named = label(folder, root=root)
    found = _read_files(checked_folder(folder, root=root), named, root=root)
    if not found.texts:
        return None
    return _recording(found, folder, named)


def _recording(found: _Files, folder: Path, named: str) -> Recording:
    def stored(name: str) -> Path:
        if name not in found.values:
            raise broken(place(named, f"{VALUES}/{name}"), MISSING)
        return found.values[name]

    documents = parse_documents(found.texts, folder=named)
    _refuse_other_flow(documents, flow_and_case(folder))
    seals = {name: text for name, text in found.texts.items() if is_seal(name)}
    files = {name: text for name, text in found.texts.items() if not is_seal(name)}
    merged = check_seals(files, found.digests, seals, folder=named)
    return replace(decode_documents(documents, stored=stored), merged=merged)


def _refuse_other_flow(documents: Documents, wanted: tuple[str, str | None]) -> None:
    if documents.owner != wanted:
        found, title = flow_title(*documents.owner), flow_title(*wanted)
        file = place(documents.folder, MANIFEST)
        raise broken(file, f"is the baseline of {found}, not the baseline of {title}")


def _digests(values: dict[str, Path]) -> dict[str, str]:
    """SHA-256 of each stored value, by its name from the baseline's folder on."""
    found = {}
    for name, file in values.items():
        with file.open("rb") as opened:
            found[f"{VALUES}/{name}"] = hashlib.file_digest(opened, "sha256").hexdigest()
    return found


def write_baseline(folder: Path, recording: Recording, *, root: Path) -> tuple[str, ...]:
    """Make `recording` the baseline; the names of the files that changed, sorted.

    Where none changed, nothing is written. Files in the folder that are not the baseline's stay.
    Raises `BaselineError`. After that, and after a kill, the old baseline or the new one is there,
    whole.
    """
    named = label(folder, root=root)
    folder = checked_folder(folder, root=root)
    new, values = encode_recording(recording), stored_values(recording)
    replaced = False
    try:
        sealed_by, text = seal(new, _digests(values))
        new[sealed_by] = text
        with _only_recorder(folder, named):
            clean_up(folder)
            old = _files_to_replace(folder, named, root=root)
            changed = {n for n in old.keys() | new.keys() if old.get(n) != new.get(n)}
            changed |= changed_values(values, value_files(folder))
            if changed:
                replace_folder(folder, lambda into: _fill(into, new, values, folder))
                replaced = True
            return tuple(sorted(changed))
    except OSError as error:
        if replaced or isinstance(error, ReplacedError):
            raise BaselineError(
                f"{named} is recorded, and the new baseline is in place; then cleaning up failed: "
                f"{error.strerror or error}",
                hint=f"commit {named}, and delete the hidden folders in {folder.parent}, if any",
            ) from error
        raise BaselineError(
            f"{named} cannot be written: {error.strerror or error}",
            hint="make room, or make the folder writable, and record again; no baseline was lost",
        ) from error


def _fill(into: Path, files: dict[str, str], values: dict[str, Path], old: Path) -> None:
    for name, text in files.items():
        (into / name).write_bytes(text.encode())
    place_values(into, values, old)
    for path in old.iterdir() if old.exists() else ():
        ours = is_baseline_file(path.name) or (path.name == VALUES and path.is_dir())
        if not ours:
            copy_own(path, into / path.name)


@contextmanager
def _only_recorder(folder: Path, named: str) -> Iterator[None]:
    """Hold a lock of the operating system: it ends with its process, however that one ends.

    Its file lies in the user's cache and not beside the baseline, where it would land in git.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  only a recorder needs them
    from platformdirs import user_cache_path  # noqa: PLC0415

    locks = user_cache_path("pytest-flowrepro") / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()
    try:
        with FileLock(locks / f"{key}.lock", timeout=_RECORDER_TIMEOUT):
            yield
    except Timeout:
        raise BaselineError(
            f"{named} is being recorded by another process",
            hint="wait for that one to end, and record again",
        ) from None


# --- reading --------------------------------------------------------------------------


def _files_to_replace(folder: Path, named: str, *, root: Path) -> dict[str, str | None]:
    """Name -> text, None for a damaged file: recording anew is how to repair it."""
    found: dict[str, str | None] = {}
    for name in _baseline_files(folder):
        try:
            found[name] = _read_text(folder / name, place(named, name), root=root)
        except BaselineError:
            found[name] = None
    _refuse_newer(found.get(MANIFEST), place(named, MANIFEST))
    return found


def _refuse_newer(manifest: str | None, file: str) -> None:
    """What a newer version recorded is not written over, while a damaged file is."""
    try:
        document = parse_document(manifest or "", file)
    except BaselineError:
        return
    refuse_newer(document)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Files:
    """What lies in the folder of a baseline, by name."""

    texts: dict[str, str] = field(default_factory=dict)
    values: dict[str, Path] = field(default_factory=dict)
    """The stored values."""
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each stored value, by its name from the baseline's folder on."""


def _read_files(folder: Path, named: str, *, root: Path) -> _Files:
    """Read the files of one baseline, never some of the old and some of the new.

    No lock is taken, for a reader may not be allowed to write one: a folder that was replaced
    meanwhile is read again.
    """
    for _ in range(10):
        standing = standing_folder(folder)
        if standing is None:
            return _Files()
        before = _identity(standing)
        if before is None:
            continue
        try:
            texts = {
                name: _read_text(standing / name, place(named, name), root=root)
                for name in _baseline_files(standing)
            }
            values = checked_values(standing, named, root=root)
            found = _Files(texts=texts, values=values, digests=_digests(values))
        except (BaselineError, OSError):
            if _identity(standing) == before:
                raise
            continue
        if _identity(standing) == before:
            return found
    raise BaselineError(
        f"{named} was replaced again and again while it was read",
        hint="wait for the recording of this flow to end, and start again",
    )


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _baseline_files(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if is_baseline_file(path.name))


def _read_text(path: Path, file: str, *, root: Path) -> str:
    """The text of a file, as it was before a checkout made CRLF of LF; `file` is for messages."""
    text = _decoded(_read_bytes(path, file, root=root), file)
    if text.startswith(_LFS_POINTER):
        raise broken(file, "is a Git LFS pointer, not the file", hint="run `git lfs pull`")
    if not text.strip():
        raise broken(file, "is empty")
    conflict = _CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        raise broken(file, f"line {line}: a merge conflict that was not resolved")
    return text


def _read_bytes(path: Path, file: str, *, root: Path) -> bytes:
    real = real_file(path, file, root=root, limit=SIZE_LIMIT)
    try:
        return real.read_bytes()
    except OSError as error:
        raise broken(file, f"cannot be read: {error.strerror}") from error


def _decoded(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise broken(file, f"line {line}: not UTF-8 (byte {error.start})") from None
    return text.replace("\r\n", "\n")
