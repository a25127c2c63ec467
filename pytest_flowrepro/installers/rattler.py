"""Requests to rattler, in a process that ends with the deadline."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.support.process import run_process, user_environment
from pytest_flowrepro.support.redaction import without_conda_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.support.strict_json import Json

_SCRIPT = Path(__file__).with_name("_with_rattler.py")

_DETAIL_LINES = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The reason why rattler gave no answer."""

    kind: str
    """The class of rattler's exception, a kind of `_with_rattler`, `Timeout`, or `Crash`."""
    message: str
    """The error message, without credentials."""
    archive: str | None = None
    """The name of the file that it is about, if it is about one."""


def has_rattler() -> bool:
    return importlib.util.find_spec("rattler") is not None


def ask_rattler(
    request: Mapping[str, Json], *, workspace: Path, timeout: float
) -> dict[str, Any] | Failure:
    """Return the answer to a request, as `_with_rattler` describes both.

    `workspace` is an existing folder, `timeout` the seconds for the whole request.
    """
    with tempfile.TemporaryDirectory(dir=workspace) as folder:  # not readable by others
        file = Path(folder, "request.json")
        file.write_text(json.dumps(request), encoding="utf-8")
        done = run_process(
            [sys.executable, "-I", _SCRIPT, file],
            env=user_environment(_overrides()),
            cwd=workspace,
            timeout=timeout,
        )
    if done.ending.timed_out:
        return Failure(kind="Timeout", message=str(done.ending))
    answer = _json_object(done.stdout)
    if answer is None:
        return Failure(kind="Crash", message=_excerpt(f"{done.stderr}\n{done.ending}"))
    if "error" in answer:
        return Failure(
            kind=answer["error"],
            message=_excerpt(answer["message"]),
            archive=answer["archive"],
        )
    return answer


def _overrides() -> dict[str, str]:
    """Return the variables that describe another machine, as `CONDA_OVERRIDE_CUDA=12.4`.

    conda and micromamba read them as well.
    """
    return {name: os.environ[name] for name in os.environ if name.startswith("CONDA_OVERRIDE_")}


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _excerpt(text: str) -> str:
    lines = [line.rstrip() for line in without_conda_credentials(text).splitlines() if line.strip()]
    left_out = len(lines) - _DETAIL_LINES
    if left_out > 0:
        lines = [*lines[:_DETAIL_LINES], f"[... {left_out} lines left out ...]"]
    return "\n".join(lines)
