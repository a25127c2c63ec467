from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_reports import DRIFTED, NUMPY, REPRODUCED, SCORE

from pytest_flowrepro.report.packages import package_moves

if TYPE_CHECKING:
    from pytest_flowrepro.model import Change
    from pytest_flowrepro.report.packages import PackageMove


def moves(*changes: Change) -> tuple[PackageMove, ...]:
    return package_moves([replace(DRIFTED, changes=changes)])


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("1.9", "2.0", "major"),
        ("1.9", "1!1.9", "major"),
        ("1.9", "1.10", "minor"),
        ("1.9.1", "1.9.2", "patch"),
        ("1.9", "1.9.0.post1", "patch"),
        ("2.0rc1", "2.0", "patch"),
        ("1.10", "1.9", "downgrade"),
        ("1.9", "1.9", "build only"),
        (None, "1.9", "added"),
        ("1.9", None, "removed"),
        ("9e", "9f", "changed"),
    ],
)
def test_a_move_is_of_the_kind_that_its_versions_give(
    old: str | None, new: str | None, kind: str
) -> None:
    (move,) = moves(replace(NUMPY, old=old, new=new))
    assert (move.old, move.new, move.kind) == (old, new, kind)


def test_an_interpreter_and_a_requirement_move_too() -> None:
    python = replace(NUMPY, kind="python", old="cpython 3.11.7", new="cpython 3.12.1")
    requirement = replace(NUMPY, name="requirement numpy", old=">=1", new=">=2", declared=True)
    of_requirement, of_python = moves(python, requirement)
    assert (of_requirement.kind, of_requirement.is_direct) == ("declared", False)
    assert (of_python.kind, of_python.is_direct) == ("minor", False)


def test_a_package_that_moved_alike_in_several_flows_is_one_move() -> None:
    first = replace(NUMPY, via=("scipy",), gated=False)
    second = replace(NUMPY, environment="train", via=("pandas", "scipy"), link="https://x.example/")
    other = replace(NUMPY, environment="train", new="3.0.0")
    flows = [
        replace(DRIFTED, changes=(first, second, other, SCORE)),
        replace(REPRODUCED, changes=(NUMPY,)),
    ]
    major, patch = package_moves(flows)

    assert (major.kind, major.flows) == ("major", ("flows/train.py::TrainFlow@small",))
    assert patch.flows == ("flows/train.py::TrainFlow@small", "flows/hello.py::HelloFlow")
    assert patch.environments == ("base", "train")
    assert patch.via == ("pandas", "scipy")
    assert patch.is_direct
    assert patch.gated
    assert patch.link == "https://x.example/"


def test_the_most_severe_moves_come_first() -> None:
    changes = (
        replace(NUMPY, name="shown", old="1", new="2", gated=False),
        replace(NUMPY, name="patch"),
        replace(NUMPY, name="b-major", old="1", new="2"),
        replace(NUMPY, name="a-major", old="1", new="2"),
        replace(NUMPY, name="removed", new=None),
    )
    often = replace(NUMPY, name="patch in two flows")
    flows = [
        replace(DRIFTED, changes=(*changes, often)),
        replace(REPRODUCED, changes=(often,)),
    ]
    assert [move.name for move in package_moves(flows)] == [
        "a-major",
        "b-major",
        "removed",
        "patch in two flows",
        "patch",
        "shown",
    ]
