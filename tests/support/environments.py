"""Environments that are built for tests."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from requirement_lines import requirement_lines

from pytest_flowrepro.environment import VirtualenvBuilder
from pytest_flowrepro.model import Requirements

if TYPE_CHECKING:
    from pytest_flowrepro.environment import InstallRequest
    from pytest_flowrepro.model import BuiltEnvironment, PypiLock

OURS = Path(sys.executable)


def build_environment(
    lock: PypiLock,
    request: InstallRequest,
    *,
    requirements: tuple[str, ...],
    folder: Path,
    python: Path = OURS,
) -> BuiltEnvironment:
    """Build a virtualenv below a folder, or return the one that is there."""
    declared = Requirements(
        requirements=requirement_lines(*requirements), source="requirements.txt"
    )
    builder = VirtualenvBuilder(lock=lock, requirements=declared, python=python)
    return builder.build(request, folder)


def build_new_environment(
    lock: PypiLock,
    request: InstallRequest,
    *,
    requirements: tuple[str, ...],
    folder: Path,
    python: Path = OURS,
) -> BuiltEnvironment:
    shutil.rmtree(folder, ignore_errors=True)
    return build_environment(lock, request, requirements=requirements, folder=folder, python=python)
