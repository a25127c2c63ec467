"""Recursion beyond the limits of the interpreter.

Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Callable

_STACK = 1 << 29  # bytes of address space; the system gives memory only where it is touched
_FRAMES = 50_000


def with_deep_stack(function: Callable[..., Any], *args: object) -> Any:
    """Return the result of `function(*args)`, run in a thread with room for 50,000 frames."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((function(*args), None))
        except BaseException as error:  # noqa: BLE001  raised again by the caller
            outcome.extend((None, error))

    limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK)
    sys.setrecursionlimit(max(limit, _FRAMES))
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    result, error = outcome
    if error is not None:
        raise error
    return result
