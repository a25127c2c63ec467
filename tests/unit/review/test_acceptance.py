from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from checks import last_check, proposals_of
from hypothesis import given
from hypothesis import strategies as st
from recordings import LOCK, artifact, recording, step, task

from pytest_flowrepro.baseline import decode_recording, encode_recording
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Artifact, CodeFile, Interpreter, Package, Recording, Task
from pytest_flowrepro.review.acceptance import accept

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.review.proposals import Proposal

OF_STEP = replace(recording().environments[0], name="step-train", steps=("train",))
BASE = replace(
    recording(
        task("start", artifact("rows", 100, type="int"), artifact("seed", 7, type="int")),
        task("train", replace(artifact("score", 0.91), determinism="machine"), index=(0,)),
        task("train", replace(artifact("score", 0.93), determinism="machine"), index=(1,)),
        task("join", artifact("best", 0.93)),
        task("end"),
    ),
    environments=(recording().environments[0], OF_STEP),
)
LATER_LOCK = LOCK.replace("2.4.5", "2.4.6")


def change_artifact(side: Recording, title: str, value: float | None) -> Recording:
    """Return a recording with another value of an artifact, without it if that is None."""

    def changed(one: Task) -> Task:
        if one.title != title.partition(".")[0]:
            return one
        name = title.partition(".")[2]
        artifacts = [a for a in one.artifacts if a.name != name]
        artifacts += [artifact(name, value)] if value is not None else []
        return replace(one, artifacts=tuple(sorted(artifacts, key=lambda a: a.name)))

    return replace(side, tasks=tuple(map(changed, side.tasks)))


def change_packages(side: Recording, environment: str, package: Package) -> Recording:
    changed = (
        replace(e, packages=(e.packages[0], package)) if e.name == environment else e
        for e in side.environments
    )
    return replace(side, environments=tuple(changed))


def remove_step(side: Recording) -> Recording:
    """Return a recording without the step `train`, which has an environment of its own."""
    return replace(
        side,
        steps=(step("start", "join"), *(s for s in side.steps if s.name in {"join", "end"})),
        tasks=tuple(one for one in side.tasks if one.step != "train"),
        environments=side.environments[:1],
    )


NUMPY = BASE.environments[0].packages[1]
MUTATIONS: dict[str, Callable[[Recording], Recording]] = {
    "another value": lambda side: change_artifact(side, "start.rows", 101),
    "a value of a task": lambda side: change_artifact(side, "train[1].score", 0.95),
    "another value later": lambda side: change_artifact(side, "join.best", 0.95),
    "an artifact less": lambda side: change_artifact(side, "start.seed", None),
    "an artifact more": lambda side: change_artifact(side, "start.new", 1.5),
    "a parameter": lambda side: replace(side, parameters=(artifact("alpha", 0.2),)),
    "a task less": lambda side: replace(
        side, tasks=tuple(one for one in side.tasks if one.index != (0,))
    ),
    "a task more": lambda side: replace(
        side, tasks=(*side.tasks, task("train", artifact("score", 0.99), index=(2,)))
    ),
    "code": lambda side: replace(side, code=(CodeFile(path="train.py", sha256="33"),)),
    "a decorator less": lambda side: replace(
        side, steps=tuple(replace(one, decorators=()) for one in side.steps)
    ),
    "a step less": remove_step,
    "a package": lambda side: change_packages(side, "base", replace(NUMPY, version="2.4.6")),
    "files of a wheel": lambda side: change_packages(
        side, "step-train", replace(NUMPY, record="sha256:ff")
    ),
    "an interpreter": lambda side: replace(
        side,
        environments=tuple(
            replace(e, python=Interpreter("cpython", "3.11.9")) for e in side.environments
        ),
    ),
    "requirements": lambda side: replace(
        side,
        environments=(
            replace(side.environments[0], requirements=("metaflow", "pandas>=3")),
            *side.environments[1:],
        ),
    ),
    "a lock": lambda side: replace(
        side,
        environments=(
            replace(side.environments[0], lock=parse_pypi(LATER_LOCK)),
            *side.environments[1:],
        ),
    ),
    "a machine": lambda side: replace(side, system=replace(side.system, libc="glibc 2.41")),
    "a gate": lambda side: replace(
        side, policy=replace(side.policy, fail_on=side.policy.fail_on | {"code"})
    ),
}
"""The effect of a change of the project or the machine on what a check observes."""


def observed_with(names: set[str]) -> Recording:
    observed = replace(BASE, runs=1)
    for name, mutate in MUTATIONS.items():
        if name in names:
            observed = mutate(observed)
    return observed


def shown(proposals: tuple[Proposal, ...]) -> dict[str, list[tuple[object, ...]]]:
    return {
        p.title: [(c.change, c.name, c.index, c.old, c.new) for c in p.changes] for p in proposals
    }


@given(
    names=st.sets(st.sampled_from(sorted(MUTATIONS))),
    fresh=st.booleans(),
    chosen=st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_what_is_accepted_is_gone_and_everything_else_stays(
    *, names: set[str], fresh: bool, chosen: list[bool]
) -> None:
    observed = observed_with(names - (set() if fresh else {"a lock"}))
    proposals = proposals_of(BASE, observed, fresh=fresh)
    accepted = tuple(
        p
        for p, is_chosen in zip(proposals, chosen, strict=False)
        if is_chosen
        if p.needs_recording is None
    )
    result = accept(BASE, last_check(observed, fresh=fresh), accepted)
    assert decode_recording(encode_recording(result)) == result
    left = shown(tuple(p for p in proposals if p not in accepted))
    assert shown(proposals_of(result, observed, fresh=fresh)) == left
    if not accepted:
        assert encode_recording(result) == encode_recording(BASE)


@given(names=st.sets(st.sampled_from(sorted(MUTATIONS))), fresh=st.booleans())
def test_with_everything_accepted_only_what_needs_a_recording_is_left(
    *, names: set[str], fresh: bool
) -> None:
    observed = observed_with(names - (set() if fresh else {"a lock"}))
    check = last_check(observed, fresh=fresh)
    proposals = proposals_of(BASE, observed, fresh=fresh)
    acceptable = tuple(p for p in proposals if p.needs_recording is None)
    result = accept(BASE, check, acceptable)
    left = proposals_of(result, observed, fresh=fresh)
    assert all(p.needs_recording for p in left)


def accepted_one(base: Recording, observed: Recording, title: str) -> Recording:
    (chosen,) = (p for p in proposals_of(base, observed) if p.title == title)
    return accept(base, last_check(observed), (chosen,))


def test_an_accepted_value_keeps_its_determinism() -> None:
    observed = change_artifact(BASE, "train[1].score", 0.95)
    result = accepted_one(BASE, observed, "train.score")
    assert [a.determinism for t in result.tasks if t.step == "train" for a in t.artifacts] == [
        "machine",
        "machine",
    ]


def test_a_new_task_has_the_determinism_of_the_others() -> None:
    random = replace(artifact("draw", None), digest="", determinism="nondeterministic")
    trained = task("train", random, artifact("score", 0.91), index=(0,))
    start, _, _, *rest = BASE.tasks
    base = replace(BASE, tasks=(start, trained, *rest))
    new = task("train", artifact("draw", 0.4), artifact("score", 0.99), index=(1,))
    seen = task("train", artifact("draw", 0.2), artifact("score", 0.91), index=(0,))
    observed = replace(base, tasks=(start, seen, new, *rest))
    result = accepted_one(base, observed, "tasks of train")
    assert result.tasks[2] == task(
        "train", replace(random, type="float"), artifact("score", 0.99), index=(1,)
    )


def test_a_lock_that_was_resolved_again_replaces_the_recorded_one() -> None:
    observed = observed_with({"requirements", "a lock", "a package"})
    check = last_check(observed, fresh=True)
    proposals = proposals_of(BASE, observed, fresh=True)
    assert accept(BASE, check, proposals).environments == observed.environments


def test_the_blas_is_that_of_the_accepted_environment() -> None:
    observed = change_packages(BASE, "base", replace(NUMPY, version="2.4.6"))
    blas = (("base", (("numpy", "mkl 2026.1"),)),)
    observed = replace(observed, system=replace(observed.system, libc="glibc 2.41", blas=blas))
    assert accepted_one(BASE, observed, "environment of base").system.blas == blas
    assert accepted_one(BASE, observed, "system").system.blas == BASE.system.blas


def test_the_steps_of_an_environment_follow_the_code() -> None:
    both = replace(OF_STEP, steps=("train", "join"), packages=OF_STEP.packages[:1])
    moved = replace(BASE, environments=(BASE.environments[0], both))
    observed = replace(moved, code=(CodeFile(path="train.py", sha256="33"),))
    of_code = accepted_one(BASE, observed, "code").environments[1]
    assert of_code == replace(OF_STEP, steps=both.steps)
    of_packages = accepted_one(BASE, observed, "environment of step-train").environments[1]
    assert of_packages == replace(both, steps=OF_STEP.steps)


# --- the digests of pickles -----------------------------------------------------------


def with_shas(side: Recording, sha: str) -> Recording:
    def keyed(one: Artifact) -> Artifact:
        return replace(one, sha=f"{sha} {one.name}")

    return replace(
        side, tasks=tuple(replace(t, artifacts=tuple(map(keyed, t.artifacts))) for t in side.tasks)
    )


def shas(side: Recording) -> dict[str, str | None]:
    return {f"{t.title}.{a.name}": a.sha for t in side.tasks for a in t.artifacts}


def test_a_pickle_of_the_check_is_known_in_an_equal_environment() -> None:
    base = with_shas(BASE, "old")
    observed = with_shas(change_artifact(BASE, "start.rows", 101), "new")
    result = accepted_one(base, observed, "start.rows")
    assert shas(result) == shas(base) | {"start.rows": "new rows"}


def test_a_pickle_of_a_new_task_is_known_if_those_of_the_others_are() -> None:
    more = MUTATIONS["a task more"](BASE)
    result = accepted_one(with_shas(BASE, "old"), with_shas(more, "new"), "tasks of train")
    assert shas(result)["train[2].score"] == "new score"
    assert shas(accepted_one(BASE, with_shas(more, "new"), "tasks of train")) == shas(more)


def test_a_pickle_that_does_not_repeat_is_not_known() -> None:
    observed = with_shas(change_artifact(BASE, "start.rows", 101), "new")
    assert accepted_one(BASE, observed, "start.rows") == change_artifact(BASE, "start.rows", 101)


def test_a_pickle_is_not_known_in_another_environment() -> None:
    base = with_shas(BASE, "same")
    changed = change_artifact(with_shas(BASE, "same"), "start.rows", 101)
    observed = change_packages(with_shas(changed, "same"), "base", replace(NUMPY, version="2.4.6"))
    unmoved = accepted_one(base, observed, "start.rows")
    assert shas(unmoved) == shas(base) | {"start.rows": None}
    # What was read alike in the new environment stays known there.
    moved = accepted_one(base, observed, "environment of base")
    assert shas(moved) == shas(base) | {"start.rows": None}


# --- full values ----------------------------------------------------------------------


def test_the_full_values_of_an_accepted_policy_are_kept() -> None:
    digest = f"sha256:{'0' * 64}"
    rows = replace(artifact("rows", "a summary"), digest=digest)
    base = recording(task("start", rows))
    stored = replace(rows, value="another summary", stored=Path("/values/0.npz"))
    observed = replace(
        recording(task("start", stored)),
        policy=replace(base.policy, fail_on=base.policy.fail_on | {"code"}),
    )
    (kept,) = accepted_one(base, observed, "policy").tasks[0].artifacts
    assert (kept, kept.stored) == (stored, stored.stored)
