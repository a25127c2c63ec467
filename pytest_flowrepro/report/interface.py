"""What a report format is, and how a report gets into its file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import FlowReport


class ReportFormat(Protocol):
    """Values come out of flows: each format makes them inert in its own medium.

    With `details` a form for people leaves nothing out and puts nothing together.
    """

    def __call__(self, reports: tuple[FlowReport, ...], /, *, details: bool = False) -> str: ...


def write_report(path: Path, text: str) -> None:
    """Write a report so that whoever looks finds the old file or the new one, whole.

    Folders are made where they are missing; a pipe or a device is written to as it is. Raises
    `FlowReproError` where the file cannot be written.
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
        raise FlowReproError(
            f"the report {path} cannot be written: {error.strerror}",
            hint="give another path, or make room or the folder writable",
        ) from error
