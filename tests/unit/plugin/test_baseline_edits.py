from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checked_flows import job
from recordings import log

from pytest_flowrepro.plugin.baseline_edits import refuse_baseline_edits
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from pathlib import Path


def own_file(root: Path) -> Path:
    """Return a file of the baseline of TrainFlow."""
    file = root / "flows/__flowrepro__/train/TrainFlow/manifest.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}", encoding="utf-8")
    return file


def test_a_run_that_leaves_the_baselines_alone_passes(tmp_path: Path) -> None:
    own_file(tmp_path)
    with refuse_baseline_edits(job(tmp_path)) as logs:
        logs.append(log("train", written=(str(tmp_path / "plot.png"),)))


def test_a_baseline_that_changed_meanwhile_is_an_error(tmp_path: Path) -> None:
    file = own_file(tmp_path)
    with (
        pytest.raises(BaselineError, match="changed while TrainFlow ran; flows only") as caught,
        refuse_baseline_edits(job(tmp_path)),
    ):
        file.write_text("{ }", encoding="utf-8")
    name = "flows/__flowrepro__/train/TrainFlow/manifest.json"
    assert caught.value.what.startswith(name)
    assert f"git checkout -- {name}" in caught.value.hint


def test_the_step_that_wrote_to_a_baseline_is_named(tmp_path: Path) -> None:
    other = tmp_path / "flows/__flowrepro__/other/OtherFlow"
    written = tuple(str(other / name) for name in ("artifacts.json", "manifest.json"))
    with (
        pytest.raises(BaselineError, match=r"artifacts\.json \(and 1 more\) changed") as caught,
        refuse_baseline_edits(job(tmp_path)) as logs,
    ):
        logs.append(log("train", written=written))
    assert ": step train wrote it;" in caught.value.what
