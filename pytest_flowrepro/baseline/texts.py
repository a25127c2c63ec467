"""Reading the text of a baseline's file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.errors import broken
from pytest_flowrepro.baseline.folder import real_file

if TYPE_CHECKING:
    from pathlib import Path

SIZE_LIMIT = 200_000_000
"""Maximum number of bytes of one file; values are cut to far less (docs/reference/values.md)."""

_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_LFS_POINTER = "version https://git-lfs.github.com/spec/"


def read_text(path: Path, file: str, *, root: Path) -> str:
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
