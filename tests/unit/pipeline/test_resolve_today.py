from __future__ import annotations

from dataclasses import replace
from datetime import date

from recordings import recording

from pytest_flowrepro.model import Change, Package
from pytest_flowrepro.pipeline.resolve_today import brought_by, with_origins

LOCK = """\
boto3==1.44.5 \\
    --hash=sha256:1
    # via metaflow
botocore==1.44.5 \\
    --hash=sha256:2
    # via
    #   boto3
    #   s3transfer
metaflow==2.19.39
    # via -r requirements.in
numpy==2.3.1
    # via
    #   -c constraints.txt
    #   -r requirements.in
    #   pandas
six==1.17.0 \\
    --hash=sha256:3
    # via
    #   python-dateutil
    #   -r requirements.in
urllib3==2.5.0
    # via
    #   -c constraints.txt
    #   botocore[crt]
"""


def test_what_brought_a_package_stands_in_the_locks_comments() -> None:
    assert brought_by(LOCK) == {
        "boto3": ("metaflow",),
        "botocore": ("boto3", "s3transfer"),
        "urllib3": ("botocore",),
    }


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
        ("the flow asks for it",),
        (),
        ("RECORD differs",),
        (),
    ]
