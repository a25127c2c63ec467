"""What a resolver is, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from pytest_flowrepro.lock.pip_tools import PipToolsResolver
from pytest_flowrepro.lock.uv import UvResolver

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.model import PypiLock, Requirements


class Resolver(Protocol):
    def resolve(
        self,
        requirements: Requirements,
        *,
        python: Path,
        workspace: Path,
        timeout: float,
        as_of: date | None = None,
    ) -> PypiLock:
        """One version and its hashes for each package that `requirements` need; their own lock
        where they have one and no day is given.

        `python` is the interpreter that the packages are for, `workspace` an existing folder to
        write in, `timeout` the seconds for all of it; with `as_of`, files that were
        uploaded after that day (UTC) do not exist. Raises `LockError`.
        """
        ...


def resolver(name: Literal["uv", "pip-tools"]) -> Resolver:
    """Return the resolver of that name."""
    match name:
        case "uv":
            return UvResolver()
        case "pip-tools":
            return PipToolsResolver()
