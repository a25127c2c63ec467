"""The exit code or signal of a process, or the time after which it was stopped."""

from __future__ import annotations

import signal
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """The end of a process. As text: `exit code 3`, `signal SIGSEGV`, `stopped after 30 s`."""

    returncode: int = 0
    """The exit code; if negative, the number of the signal that ended the process."""
    stopped_after: float | None = None
    """Seconds until it was stopped because its time was up; None if it ended by itself."""

    @property
    def ok(self) -> bool:
        return self.returncode == 0 and not self.timed_out

    @property
    def timed_out(self) -> bool:
        return self.stopped_after is not None

    def __str__(self) -> str:
        if self.stopped_after is not None:
            return f"stopped after {self.stopped_after:.0f} s"
        if self.returncode < 0:
            memory = ", perhaps out of memory" if -self.returncode == signal.SIGKILL else ""
            return f"signal {_signal_name(-self.returncode)}{memory}"
        return f"exit code {self.returncode}"


def _signal_name(number: int) -> str:
    """Return `SIGSEGV` for 11, and the number of a signal without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
