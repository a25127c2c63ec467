from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from fake_stages import job_of
from locks import locked

from pytest_flowrepro.model import Change, Environment, Interpreter, Package
from pytest_flowrepro.pipeline import resolve_today
from pytest_flowrepro.pipeline.resolve_today import upload_days_of, with_upload_days

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest


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


def test_the_index_is_asked_once_for_the_same_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def upload_days(versions: Mapping[str, str], **_: object) -> dict[str, date]:
        asked.append(versions)
        return {"numpy": date(2025, 6, 21)}

    monkeypatch.setattr(resolve_today, "upload_days", upload_days)
    job = job_of(tmp_path / "project")
    for name in ("base", "step-train"):
        environment = Environment(
            name=name,
            python=Interpreter("cpython", "3.11.7"),
            packages=(
                Package(name="numpy", version="2.3.1", record="", via=()),
                Package(name="six", version="1.16.0", record="sha256:1", via=()),
            ),
            lock=locked("numpy==2.3.1"),
            requirements=("numpy",),
        )
        days = upload_days_of(replace(job, folder=tmp_path / name), [environment])
        assert days == {(name, "numpy"): date(2025, 6, 21)}
    assert asked == [{"numpy": "2.3.1"}]
