"""The files that this process opens while a piece of code runs."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_opened: ContextVar[set[Path] | None] = ContextVar("opened", default=None)
_hooks: list[object] = []


@contextmanager
def opened_files() -> Iterator[set[Path]]:
    """Add each file that is opened inside the block, by an absolute path, to the set."""
    if not _hooks:  # an audit hook cannot be removed
        _hooks.append(_note)
        sys.addaudithook(_note)
    files: set[Path] = set()
    token = _opened.set(files)
    try:
        yield files
    finally:
        _opened.reset(token)


def _note(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and (files := _opened.get()) is not None:
        path = args[0]
        if isinstance(path, str | bytes):
            files.add(Path(os.path.abspath(os.fsdecode(path))))  # noqa: PTH100  a link stays one
