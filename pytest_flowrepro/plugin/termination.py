"""The end of a session by a signal: it cleans up as after Ctrl-C, and its workers end as well."""

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
    """Let signals raise `TerminatedError`; return a function that restores the old handlers.

    A signal that other code handles, or that is ignored (nohup), stays as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    handled = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]

    def raise_error(received: int, _: FrameType | None) -> None:
        for number in handled:  # once: cleaning up is not to be interrupted
            signal.signal(number, signal.SIG_IGN)
        raise TerminatedError(signal.Signals(received).name)

    def restore() -> None:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)

    for number in handled:
        signal.signal(number, raise_error)
    return restore


# When the controller ends, xdist's workers wait for their test to end, and up to half a minute
# longer, while flows go on running.


def register_worker(folder: Path) -> None:
    """Register this worker for `end_workers`; on Linux it also ends with the controller."""
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
        # Another process may have the number by now, but not one that is our child.
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                os.kill(pid, signal.SIGTERM)
