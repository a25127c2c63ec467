"""Upload days, asked by the real uv of an index of our own."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from local_index import LocalIndex, only_index, use_index, wheel

from pytest_flowrepro.lock import upload_days

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    monkeypatch.chdir(tmp_path)
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("alpha", "1.0"))
        index.add(wheel("alpha", "2.0", requires=["beta"], tag="py3-none-win_amd64"))
        index.add(wheel("alpha", "2.0", requires=["beta"], tag="py3-none-macosx_11_0_arm64"))
        index.add(wheel("beta", "1.0"))
        yield index


def days(timeout: float = 30, **versions: str) -> dict[str, date]:
    return upload_days(versions, python=Path(sys.executable), workspace=Path.cwd(), timeout=timeout)


def test_the_day_of_the_first_wheel_is_reported_for_what_is_asked_and_known(
    index: LocalIndex,
) -> None:
    index.uploaded = {
        "alpha-1.0-py3-none-any.whl": "2024-01-01T00:00:00Z",
        "alpha-2.0-py3-none-win_amd64.whl": "2025-06-22T01:00:00.123456Z",
        "alpha-2.0-py3-none-macosx_11_0_arm64.whl": "2025-06-21T23:59:59Z",
    }

    assert days(alpha="2.0", beta="1.0") == {"alpha": date(2025, 6, 21)}


def test_an_index_without_times_gives_no_days(index: LocalIndex) -> None:
    assert days(alpha="2.0") == {}
    assert index.asked, "it was asked"


def test_an_index_that_hangs_ends_with_the_deadline(index: LocalIndex) -> None:
    index.hangs = True

    assert days(timeout=0.5, alpha="2.0") == {}


@pytest.mark.usefixtures("index")
def test_an_index_that_is_down_gives_no_days(monkeypatch: pytest.MonkeyPatch) -> None:
    use_index(monkeypatch, "http://127.0.0.1:9/simple")

    assert days(alpha="2.0") == {}
