from __future__ import annotations

from dataclasses import replace
from datetime import date

from recordings import recording

from pytest_flowrepro.model import Change, Package
from pytest_flowrepro.pipeline.resolve_today import with_origins


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


def test_a_package_that_moved_says_who_asks_for_it() -> None:
    packages = (
        Package(name="numpy", version="2", record="", via=("pandas", "scipy")),
        Package(name="pandas", version="2", record="", via=()),
    )
    environment = replace(recording().environments[0], name="base", packages=packages)
    system = replace(moved("numpy"), kind="system")
    changes = (
        moved("numpy"),
        moved("pandas"),
        moved("gone"),
        moved("pandas", "RECORD differs"),
        system,
    )
    days = {("base", "numpy"): date(2025, 6, 21), ("step-train", "pandas"): date(2025, 6, 22)}
    explained = with_origins(changes, [environment], days)
    assert [one.explanation for one in explained] == [
        ("came with pandas, scipy; uploaded 2025-06-21",),
        ("required by the flow",),
        (),
        ("RECORD differs",),
        (),
    ]
