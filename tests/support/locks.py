"""Locks for tests that need one, whatever it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.lockfile.pypi import parse_pypi

if TYPE_CHECKING:
    from pytest_flowrepro.model import PypiLock

HASH = "sha256:" + "0" * 64


def by_pip_tools(header: str) -> PypiLock:
    """Return a lock that begins with the line by which pip-tools names its platform."""
    return parse_pypi(f"{header}\nnumpy==1 --hash={HASH}\n")


def locked(*pins: str) -> PypiLock:
    """Return the lock of these pins (`six==1.16.0`), each with a hash of zeros."""
    return parse_pypi("".join(f"{pin} --hash={HASH}\n" for pin in pins or ("six==1.16.0",)))
