"""Checks that Metaflow flows can be rebuilt, rerun and give the same results."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_flowrepro.model import Change

__all__ = ["Change", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # pytest imports this package in each session, with or without `--flow-repro`.
    if name == "Change":
        from pytest_flowrepro.model import Change  # noqa: PLC0415  see above

        return Change
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
