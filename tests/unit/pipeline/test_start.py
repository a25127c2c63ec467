from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.pipeline import Job
from pytest_flowrepro.pipeline.start import start_of
from pytest_flowrepro.settings.settings import FlowSettings
from pytest_flowrepro.settings.variables import PassedThrough
from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def job(root: Path, settings: FlowSettings) -> Job:
    (root / "flows").mkdir()
    file = root / "flows" / "train.py"
    return Job(
        flow=FlowSource(file=file, name="TrainFlow", lineno=1, steps=("start",)),
        case=None,
        settings=settings,
        root=root,
        folder=root / "session",
        environments=root / "environments",
        resolutions=root / "resolutions",
    )


def test_a_flow_is_started_from_its_own_folder_or_from_where_people_start_it(
    tmp_path: Path,
) -> None:
    own = job(tmp_path, FlowSettings())
    assert start_of(own).cwd == tmp_path / "flows"
    assert start_of(own).env == {}


def test_a_folder_of_the_configuration_is_relative_to_the_project(tmp_path: Path) -> None:
    assert start_of(job(tmp_path, FlowSettings(cwd="."))).cwd == tmp_path


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"`cwd` of TrainFlow: the folder .*/jobs does not exist"
    ):
        start_of(job(tmp_path, FlowSettings(cwd="jobs")))


def test_a_variable_is_passed_through_and_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t")
    start = start_of(job(tmp_path, FlowSettings(env={"MODE": "dry", "TOKEN": PassedThrough()})))
    assert start.env == {"MODE": "dry", "TOKEN": "s3cr3t"}
    assert start.redaction.text("dry s3cr3t") == "dry [TOKEN]"


def test_a_variable_that_is_not_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(SettingsError, match="passes through TOKEN") as caught:
        start_of(job(tmp_path, FlowSettings(env={"TOKEN": PassedThrough()})))
    assert "set TOKEN where pytest is started" in str(caught.value)
