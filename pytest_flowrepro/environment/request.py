"""The parameters of an installation, for every kind of lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_flowrepro.environment.wheelhouse.wheelhouse import Wheelhouse
    from pytest_flowrepro.model import Index


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallRequest:
    """The parameters that all parts of the build of an environment share."""

    name: str
    """The environment's name, for messages and files."""
    steps: tuple[str, ...] = ()
    """The steps that run in it; none for the flow's own."""
    installer: Literal["uv", "pip-tools"]
    timeout: float
    """Seconds for the whole build."""
    wheelhouse: Wheelhouse | None = None
    """The source of wheels that is tried first, and where they are saved when recording."""
    indexes: tuple[Index, ...] = ()
    """Indexes in addition to those of the user's settings."""
