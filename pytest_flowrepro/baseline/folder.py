"""The folder of a flow's baseline: `<flow folder>/__flowrepro__/<flow file>/<flow>[@<case>]/`."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from urllib.parse import unquote

from pytest_flowrepro.baseline.errors import broken
from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.text import visible

FOLDER = "__flowrepro__"
MANIFEST = "manifest.json"
MISSING = "is missing, while other files of the baseline exist"

_UNSAFE = re.compile(rb"[^A-Za-z0-9._-]|^\.|\.$")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file, with or without an extension.
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?=\.|$)", re.IGNORECASE)


def portable_name(name: str) -> str:
    """Return a file name that every file system takes; different names give different ones.

    Bytes other than letters, digits, `.`, `_` and `-` are percent-encoded (RFC 3986), and so are
    those that make a name hidden, relative or reserved: a first or last dot, `CON`, `NUL`.
    """
    data = name.encode("utf-8", "surrogatepass")
    escaped = _UNSAFE.sub(lambda match: b"%%%02X" % match.group()[0], data).decode("ascii")
    if _RESERVED.match(escaped):
        escaped = f"%{ord(escaped[0]):02X}{escaped[1:]}"
    return escaped


def baseline_folder(flow_file: Path, flow: str, case: str | None) -> Path:
    """Return the folder of a flow's baseline, or of one of its cases; it may not exist yet.

    It is always inside the flow file's own folder, for all names.
    """
    name = portable_name(flow) if case is None else f"{portable_name(flow)}@{portable_name(case)}"
    return flow_file.parent / FOLDER / portable_name(flow_file.stem) / name


def flow_file(folder: Path) -> Path:
    """Return the flow file that a baseline folder belongs to: inverse of `baseline_folder`."""
    return folder.parent.parent.parent / f"{unquote(folder.parent.name)}.py"


def flow_and_case(folder: Path) -> tuple[str, str | None]:
    """Return the names of flow and case that a baseline folder was named after."""
    flow, has_case, case = folder.name.partition("@")
    return unquote(flow), unquote(case) if has_case else None


def find_baselines(top: Path) -> tuple[Path, ...]:
    """Return the baseline folders at or below `top`, sorted.

    Hidden folders and virtualenvs are skipped.
    """
    baselines: list[Path] = []
    for path, folders, files in os.walk(top):
        if "pyvenv.cfg" in files:
            folders.clear()
        if FOLDER in folders:
            baselines += (
                baseline for baseline in Path(path, FOLDER).glob("[!.]*/[!.]*") if baseline.is_dir()
            )
        folders[:] = [name for name in folders if name != FOLDER and not name.startswith(".")]
    return tuple(sorted(baselines))


def checked_folder(folder: Path, *, root: Path) -> Path:
    """Return the folder with symlinks resolved.

    Raises `BaselineError` if that is outside `root`, or if a neighbour's name differs by case only:
    on macOS and Windows the two would be one folder.
    """
    for part in (folder, folder.parent):
        _check_case_collision(part, root=root)
    real = _resolve(folder)
    if real is None:
        raise BaselineError(
            f"{label(folder, root=root)} is part of a symlink loop",
            hint="replace the symlink by a folder",
        )
    if not real.is_relative_to(root.resolve()):
        raise BaselineError(
            f"{label(folder, root=root)} points outside of the project, to {visible(str(real))}",
            hint="replace the symlink by a folder: a baseline is kept in git with its flow",
        )
    return real


def _resolve(folder: Path) -> Path | None:
    """Resolve symlinks; return None for a loop, for which Python 3.13 no longer raises."""
    try:
        real = folder.resolve(strict=False)
    except (OSError, RuntimeError):
        return None
    return None if any(part.is_symlink() for part in (real, *real.parents)) else real


def _check_case_collision(folder: Path, *, root: Path) -> None:
    try:
        names = [path.name for path in folder.parent.iterdir()]
    except OSError:
        return
    for name in names:
        if name != folder.name and name.casefold() == folder.name.casefold():
            other = label(folder.with_name(name), root=root)
            raise BaselineError(
                f"{other} and {folder.name} differ by case only, one folder on some systems",
                hint=f"rename one of the two, or remove {other} if its flow is gone",
            )


def label(path: Path, *, root: Path) -> str:
    """Return the path as shown in messages: relative to the project, with `/`."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()


def real_file(path: Path, shown: str, *, root: Path, limit: int) -> Path:
    """Return the path of a baseline's file without symlinks; `shown` is its name in messages.

    Raises `BaselineError` if it is not a file, has more than `limit` bytes or is not in `root`.
    """
    try:
        real = path.resolve(strict=True)
        status = real.stat()
        inside = real.is_relative_to(root.resolve())
    except FileNotFoundError:
        raise broken(shown, MISSING) from None
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a symlink loop"
        raise broken(shown, f"cannot be read: {reason}") from error
    if not inside:
        raise broken(shown, "is a symlink that points outside of the project")
    # Checked before the file is opened: opening a pipe would wait for its other end.
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a special file"
        raise broken(shown, f"is {kind}, and should be a file")
    if status.st_size > limit:
        raise broken(shown, f"has {status.st_size:,} bytes; the limit is {limit:,}")
    return real
