"""The protocol of a report format, and the writing of a report to its file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Report


class ReportFormat(Protocol):
    """A function that renders a report.

    Values come out of flows: each format escapes them for its own medium. With `details`, a format
    for people shows every change in full and by itself.
    """

    def __call__(self, report: Report, /, *, details: bool = False) -> str: ...


def write_report(path: Path, text: str) -> None:
    """Write a report atomically: a reader finds either the old file or the new one.

    Missing folders are created; a pipe or a device is written to as it is. Raises `FlowReproError`
    if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        real = path.resolve()
        part = real.with_name(f".{real.name}.{os.getpid()}")
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            part.replace(real)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _not_written(path, error) from error


def append_report(path: Path, text: str) -> None:
    """Append a report in Markdown to a file, after what is there.

    Raises `FlowReproError` if the file cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"\n\n{text}")  # a block that is open ends at an empty line
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> FlowReproError:
    return FlowReproError(
        f"The report {path} cannot be written: {error.strerror}",
        hint="pass another path, free disk space, or make the folder writable",
    )
