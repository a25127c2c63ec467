from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_reports import DRIFTED, FAILED

from pytest_flowrepro.plugin.last_times import LastTimes, keep_times

if TYPE_CHECKING:
    from pytest_flowrepro.model import FlowReport

TITLE = "flows/train.py::TrainFlow@small"


@pytest.fixture
def config(pytester: pytest.Pytester) -> pytest.Config:
    return pytester.parseconfigure()


def took(**seconds: float) -> FlowReport:
    return replace(DRIFTED, seconds=tuple(seconds.items()))


def test_the_last_seconds_of_a_stage_are_expected(config: pytest.Config) -> None:
    keep_times(config, "no", [took(environment=9.0, rerun=40.5)])
    keep_times(config, "no", [took(environment=2.5)])

    last = LastTimes.read(config, "no")
    assert last.expected(TITLE, "rerun") == 40.5
    assert last.expected(TITLE, "environment") == 2.5
    assert last.expected(TITLE, "capture") is None
    assert last.expected("flows/other.py::OtherFlow", "rerun") is None


def test_a_recording_has_times_of_its_own(config: pytest.Config) -> None:
    keep_times(config, "no", [took(rerun=1.0)])
    keep_times(config, "all", [took(rerun=5.0)])
    assert LastTimes.read(config, "no").expected(TITLE, "rerun") == 1.0
    assert LastTimes.read(config, "new").expected(TITLE, "rerun") == 5.0


def test_a_flow_that_failed_is_not_expected_to_end_early(config: pytest.Config) -> None:
    keep_times(config, "no", [replace(FAILED, seconds=(("rerun", 0.1),))])
    assert LastTimes.read(config, "no") == LastTimes()


def test_without_a_cache_nothing_is_kept_or_expected(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfigure("-p", "no:cacheprovider")
    keep_times(config, "no", [took(rerun=1.0)])
    assert LastTimes.read(config, "no") == LastTimes()


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"X": 1}', f'{{"{TITLE}": []}}', f'{{"{TITLE}": {{"rerun": "1"}}}}']
)
def test_a_damaged_file_is_not_read(config: pytest.Config, text: str) -> None:
    keep_times(config, "no", [took(rerun=1.0)])
    (file,) = (config.rootpath / ".pytest_cache").rglob("seconds-of-checks")
    file.write_text(text)
    assert LastTimes.read(config, "no").expected(TITLE, "rerun") is None
    keep_times(config, "no", [took(rerun=2.0)])
    assert LastTimes.read(config, "no").expected(TITLE, "rerun") == 2.0


def test_a_cache_that_cannot_be_written_is_not_told_twice(config: pytest.Config) -> None:
    (config.rootpath / ".pytest_cache").write_text("no folder")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keep_times(config, "no", [took(rerun=1.0)])
