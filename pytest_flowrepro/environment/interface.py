"""The interface of an installer, and the installers that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from pytest_flowrepro.environment.pip import PipInstaller
from pytest_flowrepro.environment.uv import UvInstaller
from pytest_flowrepro.environment.wheelhouse.wheelhouse import NO_WHEELS

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.environment.wheelhouse.wheelhouse import Wheels
    from pytest_flowrepro.model import Index


class Installer(Protocol):
    def install(
        self,
        lock_file: Path,
        *,
        python: Path,
        timeout: float,
        wheels: Wheels = NO_WHEELS,
        indexes: tuple[Index, ...] = (),
    ) -> None:
        """Install every package of a lock into the environment of `python`.

        Only wheels, each with a hash of the lock, and no package that the lock does not name. If
        `wheels` are complete, no index is used; otherwise `indexes`, in addition to those of the
        user's settings. Raises `EnvironmentBuildError`, at the latest after `timeout` seconds.
        """
        ...


def installer_named(name: Literal["uv", "pip-tools"]) -> Installer:
    match name:
        case "uv":
            return UvInstaller()
        case "pip-tools":
            return PipInstaller()
