"""Reading and writing the baseline of one flow."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.errors import broken, parse_document, place
from pytest_flowrepro.baseline.files import (
    HISTORY,
    MANIFEST,
    Documents,
    check_schema,
    decode_documents,
    encode_recording,
    is_baseline_file,
    parse_documents,
)
from pytest_flowrepro.baseline.folder import (
    MISSING,
    checked_folder,
    flow_and_case,
    label,
    real_file,
)
from pytest_flowrepro.baseline.seal import check_seals, is_seal, seal
from pytest_flowrepro.baseline.swap import (
    ReplacedError,
    clean_up,
    current_folder,
    replace_folder,
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
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Recording

SIZE_LIMIT = 200_000_000
"""Maximum number of bytes of one file; values are cut to far less (docs/reference/values.md)."""

_RECORDER_TIMEOUT = 60.0
"""Seconds to wait for another recorder of the same flow, which only writes three files."""

_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_LFS_POINTER = "version https://git-lfs.github.com/spec/"


def read_baseline(folder: Path, *, root: Path) -> Recording | None:
    """Return the recording in `folder`, or None without one.

    CRLF line ends and a byte order mark, which a checkout may add, are ignored. Nothing is written.
    Raises `BaselineError` for files that are damaged, edited by hand, of another flow, newer than
    this version, or not in `root`.
    """
    named = label(folder, root=root)
    files = _read_files(checked_folder(folder, root=root), named, root=root)
    if not files.texts:
        return None
    return _recording(files, folder, named)


def _recording(stored_files: _Files, folder: Path, named: str) -> Recording:
    def stored(name: str) -> Path:
        if name not in stored_files.values:
            raise broken(place(named, f"{VALUES}/{name}"), MISSING)
        return stored_files.values[name]

    documents = parse_documents(stored_files.texts, folder=named)
    _check_owner(documents, flow_and_case(folder))
    seals = {name: text for name, text in stored_files.texts.items() if is_seal(name)}
    files = {name: text for name, text in stored_files.texts.items() if not is_seal(name)}
    merged = check_seals(files, stored_files.digests, seals, folder=named)
    return replace(decode_documents(documents, stored=stored), merged=merged)


def _check_owner(documents: Documents, expected: tuple[str, str | None]) -> None:
    if documents.owner != expected:
        owner, title = flow_title(*documents.owner), flow_title(*expected)
        file = place(documents.folder, MANIFEST)
        raise broken(file, f"is the baseline of {owner}, not the baseline of {title}")


def _digests(values: dict[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of each stored value, by its path in the baseline's folder."""
    digests = {}
    for name, path in values.items():
        with path.open("rb") as file:
            digests[f"{VALUES}/{name}"] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def recording_name(recording: Recording) -> str:
    """Return a name that identifies the contents of a recording: that of its seal."""
    return seal(encode_recording(recording), _digests(stored_values(recording)))[0]


def write_baseline(
    folder: Path, recording: Recording, *, root: Path, history: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Make `recording` the baseline; return the names of the files that changed, sorted.

    Nothing is written if none changed. The lines of `history` are added to its history, which is
    kept like the user's own files in the folder. Raises
    `BaselineError`. After that, and after a kill, either the old baseline or the new one exists,
    complete.
    """
    named = label(folder, root=root)
    folder = checked_folder(folder, root=root)
    new, values = encode_recording(recording), stored_values(recording)
    replaced = False
    try:
        seal_name, text = seal(new, _digests(values))
        new[seal_name] = text
        with _lock_folder(folder, named):
            clean_up(folder)
            old = _files_to_replace(folder, named, root=root)
            changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
            changed |= changed_values(values, value_files(folder))
            if changed:

                def fill(into: Path) -> None:
                    _fill(into, new, values, folder)
                    _add_history(into / HISTORY, history)

                replace_folder(folder, fill)
                replaced = True
            return tuple(sorted(changed))
    except OSError as error:
        if replaced or isinstance(error, ReplacedError):
            raise BaselineError(
                f"{named} was recorded and the new baseline is in place, but cleaning up failed: "
                f"{error.strerror or error}",
                hint=f"commit {named}, and delete the hidden folders in {folder.parent}, if any",
            ) from error
        raise BaselineError(
            f"{named} cannot be written: {error.strerror or error}",
            hint="free disk space or make the folder writable, and record again; the existing "
            "baseline was not changed",
        ) from error


def _fill(into: Path, files: dict[str, str], values: dict[str, Path], old: Path) -> None:
    for name, text in files.items():
        (into / name).write_bytes(text.encode())
    place_values(into, values, old)
    for path in old.iterdir() if old.exists() else ():
        is_recorded = is_baseline_file(path.name) or (path.name == VALUES and path.is_dir())
        if not is_recorded:
            copy_own(path, into / path.name)


def _add_history(file: Path, lines: tuple[str, ...]) -> None:
    if lines:
        if file.is_symlink():  # not to read or write elsewhere
            file.unlink()
        data = file.read_bytes() if file.exists() else b""
        if data and not data.endswith(b"\n"):
            data += b"\n"
        file.write_bytes(data + "".join(f"{line}\n" for line in lines).encode())


@contextmanager
def _lock_folder(folder: Path, named: str) -> Iterator[None]:
    """Hold a lock of the operating system, which ends with this process in any case.

    Its file is in the user's cache and not next to the baseline, where it would get into git.
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
            hint="wait until that process has ended, and record again",
        ) from None


# --- reading --------------------------------------------------------------------------


def _files_to_replace(folder: Path, named: str, *, root: Path) -> dict[str, str | None]:
    """Return the texts by name, None for a damaged file: a new recording repairs it."""
    texts: dict[str, str | None] = {}
    for name in _baseline_files(folder):
        try:
            texts[name] = _read_text(folder / name, place(named, name), root=root)
        except BaselineError:
            texts[name] = None
    _check_newer(texts.get(MANIFEST), place(named, MANIFEST))
    return texts


def _check_newer(manifest: str | None, file: str) -> None:
    """Raise `BaselineError` for a manifest of a newer version, but not for a damaged one."""
    try:
        document = parse_document(manifest or "", file)
    except BaselineError:
        return
    check_schema(document, file)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Files:
    """The files of a baseline, by name."""

    texts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Path] = field(default_factory=dict)
    """The stored values."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of each stored value, by its path in the baseline's folder."""


def _read_files(folder: Path, named: str, *, root: Path) -> _Files:
    """Read the files of one baseline, without mixing old and new ones.

    No lock is taken, because a reader may not be allowed to write one: a folder that was replaced
    meanwhile is read again.
    """
    for _ in range(10):
        current = current_folder(folder)
        if current is None:
            return _Files()
        before = _identity(current)
        if before is None:
            continue
        try:
            texts = {
                name: _read_text(current / name, place(named, name), root=root)
                for name in _baseline_files(current)
            }
            values = checked_values(current, named, root=root)
            files = _Files(texts=texts, values=values, digests=_digests(values))
        except (BaselineError, OSError):
            if _identity(current) == before:
                raise
            continue
        if _identity(current) == before:
            return files
    raise BaselineError(
        f"{named} kept changing while it was read",
        hint="wait until the recording of this flow has ended, and start again",
    )


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _baseline_files(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if is_baseline_file(path.name))


def _read_text(path: Path, file: str, *, root: Path) -> str:
    """Return the text of a file with LF line ends; `file` is its name in messages."""
    text = _decode(_read_bytes(path, file, root=root), file)
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


def _decode(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise broken(file, f"line {line}: not UTF-8 (byte {error.start})") from None
    return text.replace("\r\n", "\n")
