"""What values of third-party libraries consist of, where their reduction would not do.

Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _flowrepro_kinds import Parts


def parts(value: object) -> Parts | None:  # noqa: ARG001  no library has a form of its own yet
    """The named parts of a library's value, or None for one that is walked by its reduction."""
    return None
