from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_stages import job_of
from recordings import recording

from pytest_flowrepro.model import Interpreter, Requirements
from pytest_flowrepro.pipeline.environments import interpreter_today
from pytest_flowrepro.pipeline.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.parametrize(
    ("recorded", "requires", "asked", "wanted"),
    [
        (None, None, None, {"requires": None}),
        (None, ">=3.9", None, {"requires": ">=3.9"}),
        ("3.10.4", None, None, {"recorded": Interpreter("cpython", "3.10.4")}),
        ("3.10.4", ">=3.9", None, {"recorded": Interpreter("cpython", "3.10.4")}),
        ("3.10.4", ">=3.11", None, {"requires": ">=3.11"}),
        (
            "3.10.4",
            ">=3.9",
            "3.12",
            {
                "requires": ">=3.9",
                "requested": Interpreter("cpython", "3.12"),
                "requested_by": ".python-version",
            },
        ),
    ],
)
def test_a_resolution_of_today_keeps_the_recorded_interpreter_until_another_is_asked_for(
    tmp_path: Path,
    recorded: str | None,
    requires: str | None,
    asked: str | None,
    wanted: Mapping[str, str | None],
) -> None:
    def find(requires: str | None = None, **more: Any) -> Path:
        found.append(more if "recorded" in more else {"requires": requires, **more})
        return Path("python")

    found: list[Mapping[str, str | None]] = []
    job = job_of(tmp_path / "project")
    if asked is not None:
        (job.root / ".python-version").write_text(f"{asked}\n", encoding="utf-8")
    requirements = Requirements(requirements=(), source="flow.py", requires_python=requires)
    (environment, *_) = recording().environments
    known = replace(environment, python=Interpreter("cpython", f"{recorded}")) if recorded else None
    stages = Stages(find_interpreter=find)
    assert interpreter_today(job, stages, requirements, known) == Path("python")
    assert found == [wanted]
