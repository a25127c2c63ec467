"""Locks by uv: one lock for every platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.index_settings import uv_tool
from pytest_flowrepro.lock.resolution import (
    checked_lock,
    end_of,
    lock_error,
    minor_version,
    write_inputs,
)

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.model import Lock, Requirements


class UvResolver:
    def resolve(
        self,
        requirements: Requirements,
        *,
        python: Path,
        workspace: Path,
        timeout: float,
        as_of: date | None = None,
    ) -> Lock:
        """See `Resolver.resolve`."""
        if requirements.locked and not as_of:
            return requirements.locked
        tool = uv_tool()
        arguments = [
            *("pip", "compile", "--quiet", "--no-header", "--generate-hashes"),
            *("--universal", "--only-binary", ":all:"),
            # One version for all later Pythons, too: the environment has this one only, and
            # the lock of pandas would hold numpy twice, the second time for 3.12 and up.
            *("--fork-strategy", "fewest"),
            *("--python", str(python)),
            *("--python-version", minor_version(python, workspace=workspace)),
            *(("--exclude-newer", end_of(as_of)) if as_of else ()),
            *tool.options,
            *write_inputs(requirements, workspace),
        ]
        done = tool.run(arguments, cwd=workspace, timeout=timeout)
        if not done.ok:
            raise lock_error(done, requirements, tool="uv", as_of=as_of)
        return checked_lock(done.stdout, tool="uv")
