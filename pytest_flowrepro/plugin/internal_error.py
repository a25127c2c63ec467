"""Unexpected errors: one sentence for the reader, the traceback in a file that is kept."""

from __future__ import annotations

import hashlib
import tempfile
import traceback
from pathlib import Path

from pytest_flowrepro.support.cache import user_cache
from pytest_flowrepro.support.errors import InternalError


def internal_error(error: BaseException, *, doing: str) -> InternalError:
    """Return the error that reports `error`, raised while `doing`: `checking TrainFlow`."""
    reason = traceback.format_exception_only(error)[-1].strip().splitlines() or [""]
    at = _keep("".join(traceback.format_exception(error)))
    where = f"the full traceback is in {at}" if at else "its traceback could not be written"
    return InternalError(
        f"Internal error of pytest-flowrepro while {doing}, {where}: {reason[0][:300]}",
        hint="report it with that file; the flow was not checked",
    )


def _keep(text: str) -> Path | None:
    """Write a traceback to a file that outlives the session; return None if that fails."""
    name = f"traceback-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:12]}.txt"
    folder = user_cache("errors")
    try:
        file = (folder or Path(tempfile.mkdtemp(prefix="pytest-flowrepro-errors-"))) / name
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    return file
