from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from checks import WHEN, last_check
from recorded_repository import record
from recordings import artifact, recording, task

from pytest_flowrepro.baseline import HISTORY, read_baseline, write_baseline
from pytest_flowrepro.model import CodeFile
from pytest_flowrepro.review.decisions import Decision
from pytest_flowrepro.review.flow_review import FlowReview, open_review
from pytest_flowrepro.review.last_check import keep_check, read_check
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording

BASE = recording()
DECISION = Decision(who="Jane Doe <jane@example.com>", when=WHEN, reason="new rows")
CODE = b"flow"
OBSERVED = replace(
    recording(
        task("start", artifact("rows", 101, type="int")),
        task("train", artifact("score", 0.95), index=(0,)),
        BASE.tasks[2],
        BASE.tasks[3],
    ),
    code=(BASE.code[0], CodeFile(path="train.py", sha256=hashlib.sha256(CODE).hexdigest())),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a baseline, with a kept check of `OBSERVED`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = record(tmp_path / "repo", BASE)
    (folder.parents[2] / "train.py").write_bytes(CODE)
    keep_check(last_check(OBSERVED, baseline=BASE, folder=folder), root=tmp_path / "repo")
    return folder


def opened(folder: Path) -> FlowReview:
    review = open_review(folder, root=folder.parents[3])
    assert review is not None
    return review


def accept(folder: Path, *titles: str) -> None:
    review = opened(folder)
    review.accept([(p, DECISION) for p in review.proposals if p.title in titles])


def baseline_of(folder: Path) -> Recording | None:
    return read_baseline(folder, root=folder.parents[3])


def titles(folder: Path) -> list[str]:
    return [proposal.title for proposal in opened(folder).proposals]


def test_one_change_at_a_time_until_nothing_is_left(folder: Path) -> None:
    assert titles(folder) == ["code", "start.rows", "train.score"]
    accept(folder, "start.rows")
    assert titles(folder) == ["code", "train.score"]
    assert baseline_of(folder) == replace(BASE, tasks=(OBSERVED.tasks[0], *BASE.tasks[1:]))
    accept(folder, "code", "train.score")
    assert open_review(folder, root=folder.parents[3]) is None
    assert baseline_of(folder) == replace(OBSERVED, runs=BASE.runs)
    history = (folder / HISTORY).read_text().splitlines()
    assert [line[:22] for line in history] == [
        '{"what": "start.rows",',
        '{"what": "train.py", "',
        '{"what": "train.score"',
    ]


def test_nothing_is_written_if_nothing_is_accepted(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    accept(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert titles(folder) == ["code", "start.rows", "train.score"]


def test_a_rejected_value_is_known_as_long_as_it_is_the_same(folder: Path) -> None:
    review = opened(folder)
    rows = review.proposals[1]
    review.reject([(rows, DECISION)])
    assert [opened(folder).rejection(p) for p in review.proposals] == [None, DECISION, None]
    later = replace(OBSERVED, tasks=(task("start", artifact("rows", 102)), *OBSERVED.tasks[1:]))
    keep_check(last_check(later, baseline=BASE, folder=folder), root=folder.parents[3])
    review = opened(folder)
    assert [review.rejection(proposal) for proposal in review.proposals] == [None, None, None]


def test_a_baseline_that_has_changed_is_not_reviewed(folder: Path) -> None:
    review = opened(folder)
    other = replace(BASE, runs=1)
    write_baseline(folder, other, root=folder.parents[3])
    with pytest.raises(BaselineError) as error:
        opened(folder)
    assert error.value.what == (
        "flows/train.py: the baseline of TrainFlow has changed since its last check"
    )
    assert error.value.hint == "check the flow again: `pytest --flow-repro flows/train.py`"
    with pytest.raises(BaselineError, match="has changed since"):
        review.accept([(proposal, DECISION) for proposal in review.proposals])
    assert baseline_of(folder) == other


def test_files_that_were_edited_since_the_check_are_named(folder: Path) -> None:
    shared = folder.parents[3] / "shared.csv"
    assert opened(folder).edited() == ("../shared.csv",)
    observed = replace(
        OBSERVED, code=(CodeFile(path="../shared.csv", sha256="11"), OBSERVED.code[1])
    )
    shared.write_bytes(b"rows")
    assert replace(opened(folder), check=last_check(observed, folder=folder)).edited() == (
        "../shared.csv",
    )
    (folder.parents[2] / "train.py").write_bytes(b"edited")
    assert opened(folder).edited() == ("../shared.csv", "train.py")


def test_a_check_that_cannot_be_updated_is_named(folder: Path) -> None:
    review = opened(folder)
    next(folder.parents[3].glob(".flowrepro/last/**/check.json")).unlink()
    file = next(folder.parents[3].glob(".flowrepro/last/**/manifest.json")).with_name("check.json")
    (file / "in the way").mkdir(parents=True)
    with pytest.raises(BaselineError, match="the baseline is written, but its last check cannot"):
        review.accept([(review.proposals[1], DECISION)])
    assert baseline_of(folder) != BASE


def test_the_title_has_the_case(folder: Path) -> None:
    assert opened(folder).title == "flows/train.py::TrainFlow"
    assert read_check(folder, root=folder.parents[3]) is not None
