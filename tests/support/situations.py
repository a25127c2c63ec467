"""Where a flow failed, for tests of what is advised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flow_processes import flow_source

from pytest_flowrepro.advice.advice import Situation

if TYPE_CHECKING:
    from pathlib import Path


def situation(file: Path, *, root: Path, copies: Path | None = None) -> Situation:
    """TrainFlow in `file`, started from its own folder, with requirements that say what they are
    asked for.
    """
    return Situation(
        flow=flow_source(file),
        root=root,
        cwd=file.parent,
        copies=copies,
        requirements=lambda wanted: f" [{wanted}]",
        environ={},
    )
