"""Tests of a small flow, for the tests of what is done with their results."""

from __future__ import annotations

from pytest_flowrepro.model import flow_title
from pytest_flowrepro.plugin.results import PartId

PARTS = ("code", "environment", "step[start]", "step[train]", "step[end]")


def part_id(
    part: str, *, file: str = "flows/train.py", flow: str = "TrainFlow", case: str | None = None
) -> PartId:
    title = flow_title(flow, case)
    return PartId(
        file=file,
        flow=flow,
        case=case,
        part=part,
        position=PARTS.index(part),
        tests=len(PARTS),
        nodeid=f"{file}::{title}::{part}",
    )
