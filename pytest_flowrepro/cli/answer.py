"""The answer of a command."""

from __future__ import annotations

from dataclasses import dataclass

INTERRUPTED = 130
"""The exit code after Ctrl-C, as of a shell: 128 + SIGINT."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    text: str
    """The text for stdout."""
    exit_code: int = 0
    remark: str = ""
    """The text for stderr, so that stdout can be piped."""
