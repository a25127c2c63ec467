from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.made_once import made_once

if TYPE_CHECKING:
    from pathlib import Path


def test_those_that_ask_at_the_same_time_get_one_value(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, int]:
        made.append(1)
        time.sleep(0.05)
        return {"made": len(made)}

    with ThreadPoolExecutor(4) as pool:
        values = pool.map(lambda _: made_once(tmp_path / "new" / "value.json", make), range(8))
        assert list(values) == [{"made": 1}] * 8


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        made_once(tmp_path / "value.json", fail)
    assert made_once(tmp_path / "value.json", lambda: [1]) == [1]
