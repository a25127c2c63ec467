"""What is kept in the user's cache from one session to the next, until nobody uses it any more."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UNUSED_FOR = 30 * 24 * 3600.0
"""Seconds after which what nobody used is deleted."""


def note_use(folder: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(folder)


def forget_unused(kept: Path) -> None:
    """Delete the folders in `kept` whose use was not noted for long; none where that cannot be."""
    now = time.time()
    with contextlib.suppress(OSError):
        for folder in kept.iterdir():
            if now - folder.stat().st_mtime > UNUSED_FOR:
                shutil.rmtree(folder, ignore_errors=True)
