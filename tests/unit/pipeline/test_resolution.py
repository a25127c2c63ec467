from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from fake_stages import job_of
from local_index import only_index, wheel
from locks import locked
from requirement_lines import requirement_lines

from pytest_flowrepro.model import Requirements
from pytest_flowrepro.pipeline import resolution
from pytest_flowrepro.pipeline.resolution import resolve
from pytest_flowrepro.pipeline.stages import STAGES

if TYPE_CHECKING:
    import pytest

    from pytest_flowrepro.model import Lock


def test_all_tests_of_a_flow_speak_of_one_fresh_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = locked("alpha==0.9")
    asked = Requirements(requirements=requirement_lines("alpha"), source="uv.lock", locked=own)
    python = Path(sys.executable)
    fresh = job_of(tmp_path / "project", fresh=True)
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("alpha", "1.0"))
        index.add(wheel("beta", "1.0"))
        first = resolve(fresh, STAGES, asked, python)
        index.add(wheel("alpha", "2.0"))
        assert resolve(fresh, STAGES, asked, python) == first
        assert first.text.startswith("alpha==1.0 ")

        other = resolve(
            fresh, STAGES, replace(asked, requirements=requirement_lines("beta")), python
        )
        assert other.text.startswith("beta==1.0 "), "of other requirements"
        another = replace(fresh, folder=tmp_path / "another")
        assert resolve(another, STAGES, asked, python).text.startswith("alpha==2.0 "), (
            "of another flow"
        )
        assert resolve(replace(fresh, fresh=False), STAGES, asked, python) is own


def test_the_tool_and_the_day_that_are_asked_for_are_those_of_the_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = date(2026, 3, 1)

    class Resolver:
        def resolve(self, requirements: Requirements, *, as_of: date | None, **_: object) -> Lock:
            assert (requirements, as_of) == (asked, day)
            return locked("alpha==1.0")

    monkeypatch.setattr(resolution, "resolver", {"pip-tools": Resolver()}.__getitem__)
    asked = Requirements(requirements=requirement_lines("alpha"), source="requirements.txt")
    job = job_of(tmp_path / "project", as_of=day, installer="pip-tools")
    lock = STAGES.resolve(job, asked, Path(sys.executable), job.folder)
    assert lock.text.startswith("alpha==1.0 ")
