from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import Capture, FlowSource
from pytest_flowrepro.pipeline.encoders import encoder_file, encoder_notes
from pytest_flowrepro.pipeline.job import Job
from pytest_flowrepro.settings.settings import FlowSettings
from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def job(root: Path, encoders: str | None) -> Job:
    flow = FlowSource(file=root / "flow.py", name="TrainFlow", lineno=1, steps=())
    settings = FlowSettings(encoders=encoders)
    return Job(
        flow=flow,
        case=None,
        settings=settings,
        root=root,
        folder=root,
        environments=root,
        resolutions=root,
    )


def test_the_file_is_found_from_the_project(tmp_path: Path) -> None:
    (tmp_path / "own.py").touch()
    assert encoder_file(job(tmp_path, None)) is None
    assert encoder_file(job(tmp_path, "lib/../own.py")) == tmp_path / "own.py"


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"^TrainFlow: `encoders` names .*own\.py, which does not exist"
    ):
        encoder_file(job(tmp_path, "own.py"))


def test_an_encoder_that_nothing_needed_is_reported_unless_the_run_failed() -> None:
    met = (("a.B", True), ("a.C", False))
    captured = Capture(parameters=(), tasks=(), logs=(), encoders=met)
    (note,) = encoder_notes(captured, ended_well=True)
    assert note.startswith("the encoder for a.C was not used: ")
    assert list(encoder_notes(captured, ended_well=False)) == []
