from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recordings import recording

from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.pipeline import Job, Observation, Upstream
from pytest_flowrepro.pipeline.secrets import hide_in_observation, hiding_in_errors
from pytest_flowrepro.settings.settings import FlowSettings
from pytest_flowrepro.settings.variables import PassedThrough
from pytest_flowrepro.support.errors import BaselineError, CaptureError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A flow with a secret, after one with another."""
    monkeypatch.setenv("TOKEN", "s3cr3t")
    monkeypatch.setenv("KEY", "k-e-y!")
    before = Job(
        flow=FlowSource(file=tmp_path / "f.py", name="F", lineno=1, steps=("start",)),
        case=None,
        settings=FlowSettings(env={"KEY": PassedThrough(), "GONE": PassedThrough()}),
        root=tmp_path,
        folder=tmp_path / "session",
        environments=tmp_path / "environments",
        resolutions=tmp_path / "resolutions",
    )
    settings = FlowSettings(env={"TOKEN": PassedThrough(), "MODE": "literal"})
    return replace(before, settings=settings, after=(Upstream(job=before, baseline=None),))


def test_secrets_are_hidden_in_names_of_files_notes_and_details(job: Job) -> None:
    observation = Observation(
        recording=recording(),
        logs=(),
        failure="exit code 1 of s3cr3t",
        output="literal s3cr3t",
        seconds=(),
        notes=("step start wrote out-k-e-y!.csv",),
        ended=("sleep s3cr3t",),
        details=("the flow changed data/s3cr3t/x.csv",),
    )
    hidden = hide_in_observation(observation, job)
    assert hidden.failure == "exit code 1 of [TOKEN]"
    assert hidden.output == "literal [TOKEN]"
    assert hidden.notes == ("step start wrote out-[KEY].csv",)
    assert hidden.ended == ("sleep [TOKEN]",)
    assert hidden.details == ("the flow changed data/[TOKEN]/x.csv",)


def test_secrets_are_hidden_in_every_field_of_an_error_and_its_kind_is_kept(job: Job) -> None:
    with pytest.raises(CaptureError) as caught, hiding_in_errors(job):
        raise CaptureError("s3cr3t.csv: broken", hint="see k-e-y!", detail="it says s3cr3t")
    assert str(caught.value) == str(
        CaptureError("[TOKEN].csv: broken", hint="see [KEY]", detail="it says [TOKEN]")
    )
    assert caught.value.__suppress_context__  # a traceback would show the other one
    plain = BaselineError("broken", hint="record again")
    with pytest.raises(BaselineError) as same, hiding_in_errors(job):
        raise plain
    assert same.value is plain
