"""The files that are opened while a piece of code runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_flowrepro.support.opened_files import opened_files

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_files_are_those_opened_inside_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("before", "inside", "bytes", "linked", "after"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("linked")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "before").read_text()
    with opened_files() as opened:
        (tmp_path / "inside").read_text()
        os.close(os.open(b"bytes", os.O_RDONLY))
        (tmp_path / "link").read_text()
        os.close(os.open(tmp_path, os.O_RDONLY))
    (tmp_path / "after").read_text()
    assert {tmp_path / name for name in ("inside", "bytes", "link")} <= opened
    assert not {tmp_path / "before", tmp_path / "after"} & opened


def test_a_block_inside_another_has_files_of_its_own(tmp_path: Path) -> None:
    for name in ("outer", "inner"):
        (tmp_path / name).touch()
    with opened_files() as outer:
        (tmp_path / "outer").read_text()
        with opened_files() as inner:
            (tmp_path / "inner").read_text()
    assert tmp_path / "inner" in inner
    assert tmp_path / "outer" in outer
    assert tmp_path / "inner" not in outer
