"""Reading and writing the baseline of one flow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.errors import broken, parse_document, place
from pytest_flowrepro.baseline.files import (
    HISTORY,
    Documents,
    check_schema,
    decode_documents,
    encode_recording,
    is_baseline_file,
    parse_documents,
)
from pytest_flowrepro.baseline.folder import (
    MANIFEST,
    MISSING,
    checked_folder,
    flow_and_case,
    label,
)
from pytest_flowrepro.baseline.locks import (
    is_lock,
    locks_folder,
    read_locks,
    remove_unused_locks,
    sole_recorder,
    write_locks,
)
from pytest_flowrepro.baseline.seal import check_seals, is_seal, seal
from pytest_flowrepro.baseline.swap import (
    ReplacedError,
    clean_up,
    current_folder,
    replace_folder,
)
from pytest_flowrepro.baseline.texts import read_text
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
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Recording


def read_baseline(folder: Path, *, root: Path) -> Recording | None:
    """Return the recording in `folder`, or None without one.

    CRLF line ends and a byte order mark, which a checkout may add, are ignored. Nothing is written.
    Raises `BaselineError` for files that are damaged, edited by hand, of another flow, newer than
    this version, or not in `root`.
    """
    named = label(folder, root=root)
    files = _read_files(folder, named, root=root)
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
    documents = replace(documents, files={**files, **stored_files.locks})
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
    files, _ = _split(encode_recording(recording))
    return seal(files, _digests(stored_values(recording)))[0]


def _split(files: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files in the baseline's folder, and the locks, which others may share."""
    locks = {name: text for name, text in files.items() if is_lock(name)}
    return {name: text for name, text in files.items() if name not in locks}, locks


def write_baseline(
    folder: Path, recording: Recording, *, root: Path, history: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Make `recording` the baseline; return the names of the files that changed, sorted.

    Nothing is written if none changed, but locks that no baseline refers to are deleted. The lines
    of `history` are added to its history, which is kept like the user's own files in the folder.
    Raises `BaselineError`. After that, and after a kill, either the old baseline or the new one
    exists, complete and with its locks.
    """
    named, shared = label(folder, root=root), _checked_locks_folder(folder, root=root)
    folder = checked_folder(folder, root=root)
    new, locks = _split(encode_recording(recording))
    values = stored_values(recording)
    replaced = False
    try:
        seal_name, text = seal(new, _digests(values))
        new[seal_name] = text
        with sole_recorder(shared, label(shared, root=root.resolve())):
            clean_up(folder)
            old = _files_to_replace(folder, named, root=root)
            changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
            changed |= changed_values(values, value_files(folder))
            changed_locks = write_locks(shared, locks, root=root)
            if changed:

                def fill(into: Path) -> None:
                    _fill(into, new, values, folder)
                    _add_history(into / HISTORY, history)

                replace_folder(folder, fill)
            replaced = True
            remove_unused_locks(shared)
            return tuple(sorted(changed | changed_locks))
    except OSError as error:
        if replaced or isinstance(error, ReplacedError):
            raise BaselineError(
                f"{named} was recorded and the new baseline is in place, but cleaning up failed: "
                f"{error.strerror or error}",
                hint=f"commit {label(shared, root=root.resolve())}, and delete the hidden folders "
                f"in {folder.parent}, if any",
            ) from error
        raise BaselineError(
            f"{named} cannot be written: {error.strerror or error}",
            hint="free disk space or make the folder writable, and record again; the existing "
            "baseline was not changed",
        ) from error


def _checked_locks_folder(folder: Path, *, root: Path) -> Path:
    """Return the folder of the baseline's locks; raise `BaselineError` if it is not in `root`."""
    checked_folder(folder, root=root)
    locks = locks_folder(folder)
    if not locks.is_relative_to(root.resolve()):
        raise BaselineError(
            f"{label(folder.parent, root=root)} is a symlink to {visible(str(locks))}, so the "
            "locks would be written outside of the project",
            hint="replace the symlink by a folder",
        )
    return locks


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


# --- reading --------------------------------------------------------------------------


def _files_to_replace(folder: Path, named: str, *, root: Path) -> dict[str, str | None]:
    """Return the texts by name, None for a damaged file: a new recording repairs it."""
    texts: dict[str, str | None] = {}
    for name in _baseline_files(folder):
        try:
            texts[name] = read_text(folder / name, place(named, name), root=root)
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
    locks: Mapping[str, str] = field(default_factory=dict)
    """The texts of the locks that the manifest refers to and that exist."""


def _read_files(folder: Path, named: str, *, root: Path) -> _Files:
    """Read the files of one baseline, without mixing old and new ones.

    No lock is taken, because a reader may not be allowed to write one: a folder that was replaced
    meanwhile is read again.
    """
    real, shared = checked_folder(folder, root=root), locks_folder(folder)
    for _ in range(10):
        current = current_folder(real)
        if current is None:
            return _Files()
        before = _identity(current)
        if before is None:
            continue
        try:
            texts = {
                name: read_text(current / name, place(named, name), root=root)
                for name in _baseline_files(current)
            }
            values = checked_values(current, named, root=root)
            locks = read_locks(shared, texts.get(MANIFEST, ""), named, root=root)
            files = _Files(texts=texts, values=values, digests=_digests(values), locks=locks)
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
