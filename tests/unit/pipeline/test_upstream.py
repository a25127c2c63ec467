from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.pipeline import Job
from pytest_flowrepro.pipeline.upstream import flows_before
from pytest_flowrepro.settings.settings import FlowSettings, Settings
from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def flow(root: Path, name: str, file: str | None = None) -> FlowSource:
    return FlowSource(file=root / (file or f"{name}.py"), name=name, lineno=1, steps=())


def names_before(root: Path, known: tuple[str, ...] = ("A", "B", "C"), **after: str) -> list[str]:
    """What is to run before flow C, where `after` says B="A" for `B` after `A`."""
    by_flow = {name: FlowSettings(after=tuple(others)) for name, others in after.items()}
    settings = Settings(file=root / "pyproject.toml", by_flow=by_flow)
    job = Job(
        flow=flow(root, "C"),
        case=None,
        settings=settings.for_flow("C"),
        root=root,
        folder=root / "session",
        environments=root / "environments",
        resolutions=root / "resolutions",
    )
    found = flows_before(job, [flow(root, name) for name in known], settings)
    return [one.name for one in found]


def test_a_flow_comes_after_those_that_these_come_after(tmp_path: Path) -> None:
    assert names_before(tmp_path) == []
    assert names_before(tmp_path, C="B", B="A") == ["A", "B"]
    assert names_before(tmp_path, C="BA", B="A") == ["A", "B"]


def test_a_cycle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"flow\.A\.after: C after B after A after C is a c"):
        names_before(tmp_path, C="B", B="A", A="C")


def test_a_flow_that_was_not_collected_is_found_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    source = "from metaflow import FlowSpec\nclass A(FlowSpec): pass\nA()\n"
    (tmp_path / "flows" / "a.py").write_text(source, encoding="utf-8")
    (tmp_path / "broken.py").write_text("from metaflow import (", encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "a.py").write_text(source, encoding="utf-8")
    assert names_before(tmp_path, known=("C",), C="A") == ["A"]


def test_an_unknown_or_ambiguous_name_is_refused(tmp_path: Path) -> None:
    source = "from metaflow import FlowSpec\nclass Ingest(FlowSpec): pass\nIngest()\n"
    (tmp_path / "a.py").write_text(source, encoding="utf-8")
    settings = Settings(
        file=tmp_path / "pyproject.toml", by_flow={"C": FlowSettings(after=("Ingst",))}
    )
    job = Job(
        flow=flow(tmp_path, "C"),
        case=None,
        settings=settings.for_flow("C"),
        root=tmp_path,
        folder=tmp_path / "session",
        environments=tmp_path / "environments",
        resolutions=tmp_path / "resolutions",
    )
    with pytest.raises(
        SettingsError, match=r"C\.after: flow `Ingst` was not found in .*; did you mean `Ingest`"
    ):
        flows_before(job, [], settings)
    twice = [flow(tmp_path, "Ingst", "a.py"), flow(tmp_path, "Ingst", "b.py")]
    with pytest.raises(SettingsError, match=r"`Ingst` is ambiguous: it is defined in a\.py, b\.py"):
        flows_before(job, twice, settings)
