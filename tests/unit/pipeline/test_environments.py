from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from local_index import only_index, wheel
from locks import locked
from recordings import recording

from pytest_flowrepro.model import FlowSource, Interpreter, Requirements
from pytest_flowrepro.pipeline.environments import interpreter_today, resolve
from pytest_flowrepro.pipeline.job import Job
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


def test_all_tests_of_a_flow_speak_of_one_fresh_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = locked("alpha==0.9")
    asked = Requirements(lines=("alpha",), source="uv.lock", locked=own)
    python = Path(sys.executable)
    fresh = job(tmp_path)
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("alpha", "1.0"))
        index.add(wheel("beta", "1.0"))
        first = resolve(fresh, asked, python)
        index.add(wheel("alpha", "2.0"))
        assert resolve(fresh, asked, python) == first
        assert first.text.startswith("alpha==1.0 ")

        other = resolve(fresh, replace(asked, lines=("beta",)), python)
        assert other.text.startswith("beta==1.0 "), "of other requirements"
        another = replace(fresh, folder=tmp_path / "another")
        assert resolve(another, asked, python).text.startswith("alpha==2.0 "), "of another flow"
        assert resolve(replace(fresh, fresh=False), asked, python) is own


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
    def find(requires: str | None = None, **more: str) -> Path:
        found.append(more if "recorded" in more else {"requires": requires, **more})
        return Path("python")

    found: list[Mapping[str, str | None]] = []
    if asked is not None:
        tmp_path.joinpath(".python-version").write_text(f"{asked}\n", encoding="utf-8")
    requirements = Requirements(lines=(), source="flow.py", requires_python=requires)
    (environment, *_) = recording().environments
    known = replace(environment, python=Interpreter("cpython", f"{recorded}")) if recorded else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(interpreter_today.__globals__, "find_interpreter", find)
        assert interpreter_today(job(tmp_path), requirements, known) == Path("python")
    assert found == [wanted]
