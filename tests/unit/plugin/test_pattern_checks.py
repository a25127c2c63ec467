from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from checked_flows import TODAY, job
from recordings import recording

from pytest_flowrepro.plugin.pattern_checks import check_expired, check_unmatched
from pytest_flowrepro.settings.reader import read_settings
from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.pipeline import Job
    from pytest_flowrepro.settings.settings import Settings


def configured(root: Path, text: str) -> tuple[Job, Settings]:
    """Return TrainFlow with its settings in the text of a pyproject.toml, and all of them."""
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    settings = read_settings(root)
    return job(root, settings=settings.for_flow("TrainFlow")), settings


UNTIL = """\
[tool.flowrepro]
ignore = [{{ pattern = "train.score", until = "{day}", reason = "it is seeded then" }}]
"""


def test_a_pattern_holds_until_the_end_of_its_last_day(tmp_path: Path) -> None:
    check_expired(*configured(tmp_path, UNTIL.format(day=TODAY)), today=TODAY)
    yesterday = TODAY - timedelta(days=1)
    with pytest.raises(SettingsError, match="was valid until") as caught:
        check_expired(*configured(tmp_path, UNTIL.format(day=yesterday)), today=TODAY)
    assert f"`train.score` was valid until {yesterday}: it is seeded then" in caught.value.what


def test_a_pattern_of_a_flow_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    own = '[tool.flowrepro.flow.TrainFlow]\nignore = ["train.scor"]\n'
    with pytest.raises(SettingsError, match="matches no artifact") as caught:
        check_unmatched(*configured(tmp_path, own), recording())
    assert "tool.flowrepro.flow.TrainFlow.ignore: `train.scor` matches" in caught.value.what
    assert caught.value.what.endswith("; did you mean `train.score`?")
    assert "flowrepro show TrainFlow" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        '[tool.flowrepro]\nignore = ["train.scor"]\n',  # perhaps another flow needs it
        '[tool.flowrepro.flow.TrainFlow]\nignore = ["train.score"]\n',
    ],
)
def test_other_patterns_are_not_error(tmp_path: Path, text: str) -> None:
    check_unmatched(*configured(tmp_path, text), recording())
