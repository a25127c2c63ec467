from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.project_folders import is_excluded

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["__pycache__", "__flowrepro__", ".git", "node_modules"])
def test_by_its_name(tmp_path: Path, name: str) -> None:
    assert is_excluded(tmp_path / name)


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta", "CACHEDIR.TAG"])
def test_by_what_it_holds(tmp_path: Path, mark: str) -> None:
    assert not is_excluded(tmp_path)
    (tmp_path / mark).touch()
    assert is_excluded(tmp_path)
