"""A common deadline of several commands."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    at: float
    """The moment, by the clock of `time.monotonic`."""

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """The remaining seconds; 0 once the deadline has passed."""
        return max(self.at - time.monotonic(), 0)
