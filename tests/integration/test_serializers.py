"""Artifacts that another serializer than Metaflow's pickle wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project

SHELVES = "ext/metaflow_extensions/pantry/plugins/shelves.py"


def test_artifacts_of_other_serializers_are_read_by_them_and_compared_by_value(
    project: Project,
) -> None:
    project.place_flows("serializers")
    result = project.record()
    start = project.artifacts("PantryFlow", "pantry")["start"]["[]"]
    fields = {
        name: one["value"]["$object"]["fields"]
        for name, one in start.items()
        if "$object" in one["value"]
    }
    cells = [1, 2, 3, 4, 5, 6]
    assert fields == {
        "brew": {"name": "stout"},
        "jar": {"grams": 250},
        "tall": {"cells": cells, "shape": {"$tuple": [3, 2]}},  # the same blob as the next
        "wide": {"cells": cells, "shape": {"$tuple": [2, 3]}},
    }
    assert not [name for name, one in start.items() if "sha" in one], "more than pickle reads here"
    unread = (
        "cannot be read by the serializer of the encoding sealed-v1: ValueError: the seal is broken"
    )
    assert start["sealed"]["opaque"]
    assert start["sealed"]["type"] == "jars.Sealed"
    assert start["sealed"]["value"]["$opaque"] == unread
    result.stdout.fnmatch_lines([f"*step start: sealed is compared by its pickle only ({unread})*"])

    # The blobs and their SHAs stay.
    project.edit(SHELVES, "int(data) * 1", "int(data) * 2")
    project.edit("pantry.py", "keep cool", "keep dry")
    project.edit("pantry.py", "4, 5, 6], (2, 3)", "4, 5, 6], (1, 6)")
    drifted = [line for line in project.drift() if "artifact" in line]
    assert drifted == [
        "PantryFlow: artifact start.jar changed",
        "PantryFlow: artifact start.sealed changed",
        "PantryFlow: artifact start.wide changed",
    ]
