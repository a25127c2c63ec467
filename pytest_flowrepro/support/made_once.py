"""Values that the processes of a session share: the first that needs a value makes it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def made_once(file: Path, make: Callable[[], Any]) -> Any:
    """Return the value in a file of JSON, which is the result of `make` if there is no file yet.

    Processes and threads that ask at the same time wait for the first. An error of `make` is raised
    and leaves no file.
    """
    from filelock import FileLock  # noqa: PLC0415  not for a session that only collects

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            # Renamed into place: a process that is killed here leaves nothing to be read.
            part = file.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(make()), encoding="utf-8")
            part.replace(file)
    return json.loads(file.read_text(encoding="utf-8"))
