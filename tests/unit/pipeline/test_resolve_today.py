from __future__ import annotations

from dataclasses import replace
from datetime import date

from pytest_flowrepro.model import Change
from pytest_flowrepro.pipeline.resolve_today import with_upload_days


def moved(name: str, *explanation: str) -> Change:
    return Change(
        kind="package",
        change="changed",
        name=name,
        old="1",
        new="2",
        gated=False,
        environment="base",
        explanation=explanation,
    )


def test_a_package_that_moved_has_the_upload_day_of_its_new_version() -> None:
    changes = (
        moved("numpy"),
        moved("pandas"),
        moved("numpy", "RECORD differs"),
        replace(moved("numpy"), kind="system"),
    )
    days = {("base", "numpy"): date(2025, 6, 21), ("step-train", "pandas"): date(2025, 6, 22)}
    assert [change.explanation for change in with_upload_days(changes, days)] == [
        ("uploaded 2025-06-21",),
        (),
        ("RECORD differs",),
        (),
    ]
