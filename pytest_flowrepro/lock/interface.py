"""The interface of a resolver, and the resolvers that exist."""

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
        """Return one version and its hashes for each package that `requirements` need.

        If they have their own lock and no day is given, that is the result.

        `python` is the interpreter for the packages, `workspace` an existing folder to write in,
        `timeout` the seconds for all of it. With `as_of`, files uploaded after that day (UTC) are
        ignored. Raises `LockError`.
        """
        ...


def resolver(name: Literal["uv", "pip-tools"]) -> Resolver:
    """Return the resolver of that name."""
    match name:
        case "uv":
            return UvResolver()
        case "pip-tools":
            return PipToolsResolver()
