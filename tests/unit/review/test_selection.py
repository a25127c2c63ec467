from __future__ import annotations

from dataclasses import replace

import pytest
from checks import proposals_of
from recordings import artifact, recording, task

from pytest_flowrepro.model import CodeFile
from pytest_flowrepro.review.selection import check_selected, selects
from pytest_flowrepro.support.errors import FlowReproError

BASE = recording()
PROPOSALS = proposals_of(
    BASE,
    replace(
        recording(
            task("start", artifact("rows", 101)),
            task("train", artifact("score", 0.95), index=(0,)),
            task("end"),
        ),
        code=(CodeFile(path="train.py", sha256="33"),),
        parameters=(artifact("alpha", 0.2),),
        system=replace(BASE.system, libc="glibc 2.41"),
        environments=(replace(BASE.environments[0], packages=(), requirements=("metaflow",)),),
    ),
)
VALUES = {"start.rows", "train.score", "tasks of train", "parameter alpha"}


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("start.rows", {"start.rows"}),
        ("*.rows", {"start.rows"}),
        ("train", {"train.score", "tasks of train"}),
        ("train.*", {"train.score", "tasks of train"}),
        ("_parameters.alpha", {"parameter alpha"}),
        ("*", VALUES),
        ("**", VALUES),
        ("code", {"code"}),
        ("code.*", set()),  # of a step that is named so
        ("system", {"system"}),
        ("environment", {"environment of base"}),
        ("environment:b*", {"environment of base"}),
        ("environment:step-train", set()),
        ("requirements:base", {"requirements of base"}),
        ("policy", set()),
        ("start.rows.0", set()),
    ],
)
def test_a_pattern_selects(pattern: str, selected: set[str]) -> None:
    assert {proposal.title for proposal in PROPOSALS if selects(pattern, proposal)} == selected


def test_a_pattern_that_selects_nothing_is_an_error() -> None:
    check_selected(["train.*", "code"], PROPOSALS)
    with pytest.raises(FlowReproError) as error:
        check_selected(["code", "train.scroe"], PROPOSALS)
    assert error.value.what == "No change matches `train.scroe`; did you mean `train.score`?"
    assert error.value.hint == (
        "pass one of code, requirements:base, environment:base, system, _parameters.alpha, "
        "start.rows, train.score, train.*"
    )
