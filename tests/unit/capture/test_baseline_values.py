from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recordings import artifact, recording, task

from pytest_flowrepro.capture.baseline_values import NOTHING_KNOWN, Known, known_from
from pytest_flowrepro.model import Interpreter, value_file

if TYPE_CHECKING:
    from pytest_flowrepro.model import Environment, Recording

BASELINE = recording()
(BASE,) = BASELINE.environments
NEWER = replace(BASE, python=Interpreter("cpython", "3.12.1"))
OTHER = replace(BASE, packages=(replace(BASE.packages[0], version="2.20"), BASE.packages[1]))
OF_TRAIN = replace(OTHER, name="step-train", steps=("train",))
WITH_STEP = replace(BASELINE, environments=(BASE, OF_TRAIN))
ALL = {"_parameters", "start", "train", "end"}


@pytest.mark.parametrize(
    ("baseline", "environments", "steps"),
    [
        (BASELINE, (BASE,), ALL),
        (BASELINE, (replace(BASE, requirements=("numpy",)),), ALL),
        (BASELINE, (NEWER,), set()),
        (BASELINE, (OTHER,), set()),
        (BASELINE, (BASE, OF_TRAIN), ALL - {"train"}),
        (WITH_STEP, (BASE,), ALL - {"train"}),
        (WITH_STEP, (BASE, OF_TRAIN), ALL),
        (WITH_STEP, (NEWER, replace(OF_TRAIN, name="step-other")), {"train"}),
        (WITH_STEP, (BASE, replace(OF_TRAIN, packages=BASE.packages)), ALL - {"train"}),
    ],
)
def test_a_step_is_settled_where_interpreter_and_packages_are_as_they_were(
    baseline: Recording, environments: tuple[Environment, ...], steps: set[str]
) -> None:
    known = known_from(baseline, environments=environments, system=baseline.system)
    assert known.settled == steps


def test_nothing_is_settled_on_another_system() -> None:
    elsewhere = replace(BASELINE.system, machine="arm64")
    known = known_from(BASELINE, environments=(BASE,), system=elsewhere)
    assert not known.settled
    assert known.digests == {"sha256:0.1", "sha256:100", "sha256:0.91", "sha256:0.93"}


def test_what_is_settled_is_given_by_its_sha() -> None:
    large = replace(artifact("large", [1]), sha="aa", structure="0af3")
    random = replace(artifact("random", [2]), sha="bb", determinism="nondeterministic")
    tasks = (task("start", large, random, artifact("small")), task("end", replace(large, sha="cc")))
    known = Known(tasks=tasks, settled=frozenset({"start", "end"}))
    assert known.unchanged_values({"start", "train"}) == {
        "aa": {
            "type": "float",
            "digest": large.digest,
            "value": [1],
            "opaque": False,
            "sha": "aa",
            "structure": "0af3",
        }
    }
    assert replace(known, settled=frozenset({"train"})).unchanged_values({"start"}) == {}
    assert NOTHING_KNOWN.unchanged_values({"start"}) == {}


def test_what_is_stored_is_asked_for_again_by_its_name() -> None:
    file = Path("values/0123.npz")
    odd = replace(artifact("a[0]*"), stored=file)
    known = Known(tasks=(task("train", odd, index=(0,)), task("train", odd, index=(1,))))
    assert known.stored() == ("train.a[[]0][*]",)
    assert known.files == {odd.digest: (file, None)}


def test_a_file_is_named_by_the_digest() -> None:
    assert value_file("sha256:0123456789abcdef" + "0" * 48) == "0123456789abcdef.npz"
