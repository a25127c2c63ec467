"""How packages are installed, whichever lock they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_flowrepro.environment.wheelhouse.wheelhouse import Wheelhouse
    from pytest_flowrepro.model import Index


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallRequest:
    """What everybody who has a part in building an environment is told alike."""

    name: str
    """The environment's name, for messages and files."""
    installer: Literal["uv", "pip-tools"]
    timeout: float
    """Seconds for all of it."""
    wheelhouse: Wheelhouse | None = None
    """Where wheels are taken from first, and saved when recording."""
    indexes: tuple[Index, ...] = ()
    """Those that are asked beside the ones of the user's settings."""
