from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from pytest_flowrepro.support.cache import UNUSED_FOR, forget_unused, note_use

if TYPE_CHECKING:
    from pathlib import Path


def test_entries_that_were_unused_for_long_are_deleted(tmp_path: Path) -> None:
    ages = {"of-today": 0.0, "of-last-week": 7 * 24 * 3600.0, "old": UNUSED_FOR + 60, "used": 1e9}
    for name, age in ages.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "content").touch()
        os.utime(folder, (time.time() - age,) * 2)
    note_use(tmp_path / "used")
    forget_unused(tmp_path)
    assert {folder.name for folder in tmp_path.iterdir()} == {"of-today", "of-last-week", "used"}


def test_a_cache_that_is_not_there_has_nothing_to_forget(tmp_path: Path) -> None:
    note_use(tmp_path / "nothing")
    forget_unused(tmp_path / "nothing")
