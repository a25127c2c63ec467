"""Parse the text of a lock of either kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.lockfile.conda import is_conda, parse_conda
from pytest_flowrepro.lockfile.pypi import parse_pypi

if TYPE_CHECKING:
    from pytest_flowrepro.model import Lock


def parse_lock(text: str) -> Lock:
    """Parse the text of a lock. Raises `InvalidLockError` with every problem."""
    return parse_conda(text) if is_conda(text) else parse_pypi(text)
