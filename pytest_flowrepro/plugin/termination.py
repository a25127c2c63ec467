"""The end of a session by a signal: it cleans up as after Ctrl-C, and its workers end, too."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

_SET_PDEATHSIG = 1  # linux/prctl.h


class TerminatedError(KeyboardInterrupt):
    """Raised in the main thread when the process is asked to end."""


def raise_on_termination() -> Callable[[], None]:
    """Raise `TerminatedError` from now on; the result restores what was there.

    A signal that somebody else handles, or that is ignored (nohup), stays as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    ours = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]

    def raise_error(received: int, _: FrameType | None) -> None:
        for number in ours:  # once: cleaning up is not to be interrupted
            signal.signal(number, signal.SIG_IGN)
        raise TerminatedError(signal.Signals(received).name)

    def restore() -> None:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)

    for number in ours:
        signal.signal(number, raise_error)
    return restore


# xdist's workers wait for their test to end when the controller ends, and then some: up to half a
# minute, in which flows run on.


def register_worker(folder: Path) -> None:
    """Let the end of the controller end this worker, on Linux at once, and `end_workers`."""
    workers = folder / "workers"
    with contextlib.suppress(OSError):
        workers.mkdir(exist_ok=True)
        (workers / str(os.getpid())).touch()
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes  # noqa: PLC0415  a worker only

            ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def end_workers(folder: Path) -> None:
    """Ask the workers that are children of this process to end."""
    for worker in (folder / "workers").glob("*"):
        pid = int(worker.name)
        # Another process may have the number by now, but no child that was not waited for.
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                os.kill(pid, signal.SIGTERM)
