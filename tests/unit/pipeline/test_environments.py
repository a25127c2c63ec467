from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from recordings import recording

from pytest_flowrepro.model import FlowSource, Interpreter, Requirements
from pytest_flowrepro.pipeline.environments import interpreter_today
from pytest_flowrepro.pipeline.job import Job
from pytest_flowrepro.pipeline.stages import Stages
from pytest_flowrepro.settings.settings import FlowSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


def job(folder: Path) -> Job:
    flow = FlowSource(file=folder / "flow.py", name="TasteFlow", lineno=1, steps=("start", "end"))
    return Job(
        flow=flow,
        case=None,
        settings=FlowSettings(),
        root=folder,
        folder=folder / "job",
        environments=folder / "environments",
        fresh=True,
    )


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
                "asked": Interpreter("cpython", "3.12"),
                "asked_by": ".python-version",
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
    if asked is not None:
        tmp_path.joinpath(".python-version").write_text(f"{asked}\n", encoding="utf-8")
    requirements = Requirements(requirements=(), source="flow.py", requires_python=requires)
    (environment, *_) = recording().environments
    known = replace(environment, python=Interpreter("cpython", f"{recorded}")) if recorded else None
    stages = Stages(find_interpreter=find)
    assert interpreter_today(job(tmp_path), stages, requirements, known) == Path("python")
    assert found == [wanted]
