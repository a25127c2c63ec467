"""An index on loopback for what installs from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from local_index import LocalIndex, only_index, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    """The only one that uv and pip know: alpha, which requires beta."""
    monkeypatch.chdir(tmp_path)
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("alpha", "1.0", requires=["beta"]))
        index.add(wheel("beta", "1.0"))
        yield index
