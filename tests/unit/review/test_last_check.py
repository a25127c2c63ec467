from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from recorded_repository import record
from recordings import artifact, recording, task

from pytest_flowrepro.review.last_check import (
    LastCheck,
    forget_check,
    keep_check,
    kept_checks,
    make_state_folder,
    read_check,
)
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from pathlib import Path

OBSERVED = recording(task("start", artifact("rows", 101, type="int")))


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a baseline in the project `repo`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return record(tmp_path / "repo", recording())


@pytest.fixture
def root(baseline: Path) -> Path:
    return baseline.parents[3]


def check_of(baseline: Path) -> LastCheck:
    return LastCheck(
        baseline=baseline,
        observed=OBSERVED,
        against="seal-0123.txt",
        fresh=True,
        wheelhouse=True,
        when=datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC),
    )


def test_a_kept_check_is_read_as_it_was(baseline: Path, root: Path) -> None:
    keep_check(check_of(baseline), root=root)
    assert read_check(baseline, root=root) == check_of(baseline)
    assert [*kept_checks(root)] == [baseline]
    assert (root / ".flowrepro/.gitignore").read_text().splitlines()[-1] == "*"


def test_a_second_check_replaces_the_first(baseline: Path, root: Path) -> None:
    for _ in range(2):
        keep_check(check_of(baseline), root=root)
    assert read_check(baseline, root=root) == check_of(baseline)


def test_a_check_that_is_forgotten_is_gone(baseline: Path, root: Path) -> None:
    forget_check(baseline, root=root)  # none is there, which is no error
    keep_check(check_of(baseline), root=root)
    forget_check(baseline, root=root)
    assert read_check(baseline, root=root) is None
    assert [*kept_checks(root)] == []
    assert [file for file in (root / ".flowrepro/last").rglob("*") if file.is_file()] == []


def test_the_check_of_a_flow_that_is_gone_is_not_listed(baseline: Path, root: Path) -> None:
    keep_check(check_of(baseline), root=root)
    shutil.rmtree(baseline)
    assert [*kept_checks(root)] == []


def test_an_interrupted_one_does_not_count(baseline: Path, root: Path) -> None:
    keep_check(check_of(baseline), root=root)
    next(root.glob(".flowrepro/last/**/check.json")).unlink()
    assert read_check(baseline, root=root) is None
    assert [*kept_checks(root)] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not valid JSON"),
        ("{}", "against is missing"),
        (
            '{"against": "", "fresh": false, "wheelhouse": false, "when": "noon"}',
            "when should be a time such as",
        ),
    ],
)
def test_a_broken_one_is_an_error(baseline: Path, root: Path, text: str, problem: str) -> None:
    keep_check(check_of(baseline), root=root)
    next(root.glob(".flowrepro/last/**/check.json")).write_text(text)
    with pytest.raises(BaselineError) as error:
        read_check(baseline, root=root)
    assert error.value.what.startswith(".flowrepro/last/flows/__flowrepro__/train/TrainFlow/check")
    assert problem in error.value.what


def test_one_without_its_observation_is_an_error(baseline: Path, root: Path) -> None:
    keep_check(check_of(baseline), root=root)
    folder = next(root.glob(".flowrepro/last/**/check.json")).parent
    for file in folder.iterdir():
        if file.name != "check.json":
            file.unlink()
    with pytest.raises(BaselineError, match="the observation is missing"):
        read_check(baseline, root=root)


def test_a_check_that_is_removed_in_part_does_not_count(
    baseline: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    keep_check(check_of(baseline), root=root)
    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(PermissionError):
        forget_check(baseline, root=root)
    assert read_check(baseline, root=root) is None


def test_a_link_to_another_place_is_refused(baseline: Path, root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / ".flowrepro").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BaselineError, match="points outside of the project"):
        make_state_folder(root)
    with pytest.raises(BaselineError, match="points outside of the project"):
        forget_check(baseline, root=root)
    with pytest.raises(BaselineError, match="points outside of the project"):
        keep_check(check_of(baseline), root=root)
    assert [*(tmp_path / "elsewhere").iterdir()] == []


def test_the_ignore_file_of_the_user_is_kept(tmp_path: Path) -> None:
    ignore = make_state_folder(tmp_path) / ".gitignore"
    ignore.write_text("last\n")
    make_state_folder(tmp_path)
    assert ignore.read_text() == "last\n"
