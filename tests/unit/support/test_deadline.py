from __future__ import annotations

import time

from pytest_flowrepro.support.deadline import Deadline


def test_what_is_left_until_a_deadline_gets_less_and_is_never_below_zero() -> None:
    deadline = Deadline.after(60)
    first = deadline.left
    assert 59 < first <= 60
    time.sleep(0.01)
    assert deadline.left < first
    assert Deadline.after(-1).left == 0
