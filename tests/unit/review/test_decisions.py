from __future__ import annotations

import getpass
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from checks import WHEN, proposals_of
from recorded_repository import GIT_ENVIRONMENT, git
from recordings import artifact, recording, task

from pytest_flowrepro.model import CodeFile
from pytest_flowrepro.review.decisions import (
    Decision,
    change_digest,
    decide,
    history_lines,
    rejections,
    remember_rejection,
)
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording
    from pytest_flowrepro.review.proposals import Proposal

BASE = recording()
DECISION = Decision(who="Jane Doe <jane@example.com>", when=WHEN, reason="a new\nsplit")
SCORES = recording(
    BASE.tasks[0],
    task("train", artifact("score", 0.95), index=(0,)),
    task("train", artifact("score", 0.96), index=(1,)),
    BASE.tasks[3],
)


def the_proposal(observed: Recording) -> Proposal:
    (proposal,) = proposals_of(BASE, observed)
    return proposal


# --- who ------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {**GIT_ENVIRONMENT, "GIT_CONFIG_SYSTEM": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    git(tmp_path, "init", "--quiet")
    return tmp_path


def test_the_person_is_that_of_commits(repository: Path) -> None:
    assert decide("why", root=repository).who == getpass.getuser()
    git(repository, "config", "user.name", "Jane Doe")
    assert decide("why", root=repository).who == "Jane Doe"
    git(repository, "config", "user.email", "jane@example.com")
    assert decide("why", root=repository).who == "Jane Doe <jane@example.com>"
    git(repository, "config", "--unset", "user.name")
    assert decide("why", root=repository).who == "<jane@example.com>"


def test_the_person_is_the_login_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert decide("why", root=tmp_path).who == getpass.getuser()


def test_a_user_without_a_name_is_unknown(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert decide("why", root=repository).who == "unknown"


# --- history --------------------------------------------------------------------------


def test_the_tasks_that_set_an_artifact_share_a_line() -> None:
    (line,) = history_lines(the_proposal(SCORES), DECISION)
    assert line == (
        '{"what": "train.score", "old": "0.91", "new": "0.95", "tasks": 2, '
        '"when": "2026-03-01T12:30:05+00:00", "who": "Jane Doe <jane@example.com>", '
        '"reason": "a new\\nsplit"}'
    )


def test_every_other_change_has_a_line_of_its_own() -> None:
    code = replace(BASE, code=(CodeFile(path="train.py", sha256="33"),))
    lines = [json.loads(line) for line in history_lines(the_proposal(code), DECISION)]
    assert [(line["what"], line["old"], line["new"]) for line in lines] == [
        ("../shared.csv", "11", None),
        ("train.py", "22", "33"),
    ]
    (environment,) = BASE.environments
    packages = (environment.packages[0], replace(environment.packages[1], version="2.4.6"))
    moved = replace(BASE, environments=(replace(environment, packages=packages),))
    (line,) = history_lines(the_proposal(moved), DECISION)
    assert json.loads(line)["what"] == "base: numpy"


def test_a_line_is_one_line_that_no_terminal_acts_upon() -> None:
    decision = replace(DECISION, reason="\x1b[31m\u2028")
    observed = replace(BASE, parameters=(artifact("alpha", "é\n\x9b"),))
    (line,) = history_lines(the_proposal(observed), decision)
    assert line.isprintable()
    assert json.loads(line)["reason"] == decision.reason
    assert "é" in line


# --- rejections -----------------------------------------------------------------------


def test_a_rejection_is_of_one_value_of_one_baseline(tmp_path: Path) -> None:
    baseline = tmp_path / "__flowrepro__" / "train" / "TrainFlow"
    other = baseline.with_name("TrainFlow@small")
    assert rejections(baseline, root=tmp_path) == {}
    for reason in ("first", "second"):
        decision = replace(DECISION, reason=reason)
        remember_rejection(
            the_proposal(SCORES), decision, observed=SCORES, baseline=baseline, root=tmp_path
        )
    known = rejections(baseline, root=tmp_path)
    digest = change_digest(the_proposal(SCORES), SCORES)
    assert known == {digest: replace(DECISION, reason="second")}
    assert rejections(other, root=tmp_path) == {}
    assert known[digest].rejection == (
        "rejected on 2026-03-01 by Jane Doe <jane@example.com>: second"
    )


def values(*scores: float) -> Recording:
    tasks = (task("train", artifact("score", value), index=(i,)) for i, value in enumerate(scores))
    return recording(BASE.tasks[0], *tasks, BASE.tasks[3])


def sha(value: str) -> Recording:
    return replace(BASE, code=(BASE.code[0], CodeFile(path="train.py", sha256=value)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (values(0.95, 0.96), values(0.95, 0.97)),
        (values(0.95, 0.96), values(0.95, 0.93)),
        (values(0.95), values(0.91)),
        (sha("33"), sha("44")),
    ],
)
def test_another_change_has_another_digest(one: Recording, other: Recording) -> None:
    digests = [
        {change_digest(proposal, observed) for proposal in proposals_of(BASE, observed)}
        for observed in (one, other)
    ]
    assert digests[0] != digests[1]
    assert digests[0] == {change_digest(p, one) for p in proposals_of(BASE, one)}


def test_a_broken_line_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".flowrepro").mkdir()
    (tmp_path / ".flowrepro/rejected.jsonl").write_text('{"baseline": "a"}\n{"digest": ""}\n')
    with pytest.raises(BaselineError) as error:
        rejections(tmp_path / "b", root=tmp_path)
    assert error.value.what == ".flowrepro/rejected.jsonl, line 2: baseline is missing"
    (tmp_path / ".flowrepro/rejected.jsonl").write_bytes(b"\xff")
    with pytest.raises(BaselineError, match="line 1: is not valid JSON"):
        rejections(tmp_path / "b", root=tmp_path)


def test_a_list_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".flowrepro/rejected.jsonl").mkdir(parents=True)
    with pytest.raises(BaselineError, match="cannot be read: Is a directory"):
        rejections(tmp_path / "b", root=tmp_path)
    with pytest.raises(BaselineError, match="cannot be written: Is a directory"):
        remember_rejection(
            the_proposal(SCORES), DECISION, observed=SCORES, baseline=tmp_path / "b", root=tmp_path
        )


def test_a_list_that_is_a_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / ".flowrepro").mkdir()
    (tmp_path / ".flowrepro/rejected.jsonl").symlink_to(tmp_path / "mine.txt")
    remember_rejection(
        the_proposal(SCORES), DECISION, observed=SCORES, baseline=tmp_path / "b", root=tmp_path
    )
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert len(rejections(tmp_path / "b", root=tmp_path)) == 1
