from __future__ import annotations

import pytest

from pytest_flowrepro.support.ending import Ending


@pytest.mark.parametrize(
    ("ending", "text", "ok"),
    [
        (Ending(), "exit code 0", True),
        (Ending(returncode=3), "exit code 3", False),
        (Ending(returncode=-11), "signal SIGSEGV", False),
        (Ending(returncode=-9), "signal SIGKILL, perhaps out of memory", False),
        (Ending(returncode=-77), "signal 77", False),
        (Ending(returncode=0, stopped_after=0.4), "stopped after 0 s", False),
        (Ending(returncode=-9, stopped_after=600.2), "stopped after 600 s", False),
    ],
)
def test_how_a_process_ended(ending: Ending, text: str, *, ok: bool) -> None:
    assert (str(ending), ending.ok) == (text, ok)
    assert ending.timed_out == text.startswith("stopped")
