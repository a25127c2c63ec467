from __future__ import annotations

from datetime import date

import pytest

from pytest_flowrepro.lock.resolution import checked_lock, end_of
from pytest_flowrepro.support.errors import LockError

HASH = "sha256:" + "0" * 64


def test_a_day_ends_when_the_next_begins_in_utc() -> None:
    assert end_of(date(2024, 2, 28)) == "2024-02-29T00:00:00Z"
    assert end_of(date(2025, 12, 31)) == "2026-01-01T00:00:00Z"


def test_a_lock_has_unix_lines_and_one_at_its_end() -> None:
    lock = checked_lock(f"\r\nsix==1 \\  \r\n    --hash={HASH}\r\n\r\n", tool="uv")

    assert lock.text == f"six==1 \\\n    --hash={HASH}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "six==1\n",
        f"six>=1 --hash={HASH}\n",
        f"-i https://u:p@h/\nsix==1 --hash={HASH}",
    ],
)
def test_what_a_tool_gave_is_checked_before_it_is_a_lock(text: str) -> None:
    with pytest.raises(LockError, match="uv returned an invalid lock") as caught:
        checked_lock(text, tool="uv")

    assert "u:p" not in str(caught.value)
