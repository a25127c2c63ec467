from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.plugin.termination import (
    TerminatedError,
    end_workers,
    raise_on_termination,
)

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = (signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_signal_is_raised_once_like_ctrl_c(number: signal.Signals) -> None:
    restore = raise_on_termination()
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            signal.raise_signal(number)
        assert type(raised.value) is TerminatedError
        assert str(raised.value) == number.name
        for again in NUMBERS:
            signal.raise_signal(again)  # it cleans up already
    finally:
        restore()
    assert [signal.getsignal(number) for number in NUMBERS] == [signal.SIG_DFL] * 2


def test_a_signal_that_another_handles_or_that_is_ignored_is_left_alone() -> None:
    seen: list[int] = []
    before = [
        signal.signal(signal.SIGTERM, lambda number, _: seen.append(number)),
        signal.signal(signal.SIGHUP, signal.SIG_IGN),
    ]
    try:
        restore = raise_on_termination()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
        restore()
        assert seen == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for number, handler in zip(NUMBERS, before, strict=True):
            signal.signal(number, handler)


def test_workers_are_ended_and_no_process_that_took_the_number_of_one(tmp_path: Path) -> None:
    registers = (
        "import signal, sys; from pathlib import Path\n"
        "from pytest_flowrepro.plugin.termination import register_worker\n"
        "register_worker(Path(sys.argv[1])); print(flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", registers, tmp_path], stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        for pid in (os.getpid(), os.getppid(), 2**22 + 1):
            (tmp_path / "workers" / str(pid)).touch()
        end_workers(tmp_path)
        assert worker.wait(timeout=20) == -signal.SIGTERM
