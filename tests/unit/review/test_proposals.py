from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from checks import last_check, proposals_of, proposed
from recordings import LOCK, artifact, recording, step, task

from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import CodeFile, Interpreter, Policy
from pytest_flowrepro.model.patterns import Patterns
from pytest_flowrepro.review.proposals import changes_of, propose

if TYPE_CHECKING:
    from pytest_flowrepro.model import Environment, Recording

BASE = recording()
NEW = "it is new, and whether it repeats is known only after several runs"


def with_base(**fields: object) -> Recording:
    (environment,) = BASE.environments
    changed: Environment = replace(environment, **fields)  # type: ignore[arg-type]
    return replace(BASE, environments=(changed,))


def with_tasks(*tasks: object) -> Recording:
    """Return the recording with other tasks `train`."""
    start, _, _, end = BASE.tasks
    return replace(BASE, tasks=(start, *tasks, end))  # type: ignore[arg-type]


def test_what_did_not_change_is_not_proposed() -> None:
    assert proposed(BASE, BASE) == {}


def test_the_tasks_that_set_an_artifact_are_one_proposal() -> None:
    observed = with_tasks(
        task("train", artifact("score", 0.95), index=(0,)),
        task("train", artifact("score", 0.96), index=(1,)),
    )
    (proposal,) = proposals_of(BASE, observed)
    assert (proposal.title, proposal.gated, proposal.needs_recording) == ("train.score", True, None)
    assert [change.index for change in proposal.changes] == [(0,), (1,)]


def test_a_parameter() -> None:
    observed = replace(BASE, parameters=(artifact("alpha", 0.2),))
    assert proposed(BASE, observed) == {"parameter alpha": ""}


def test_a_new_task_is_acceptable_if_its_artifacts_are_known_from_others() -> None:
    third = task("train", artifact("score", 0.95), index=(2,))
    assert proposed(BASE, with_tasks(*BASE.tasks[1:3], third)) == {"tasks of train": ""}
    new = task("train", artifact("loss", 0.95), index=(2,))
    assert proposed(BASE, with_tasks(*BASE.tasks[1:3], new)) == {"tasks of train": NEW}


def test_a_new_artifact_needs_a_recording_and_a_removed_one_does_not() -> None:
    bare = with_tasks(task("train", index=(0,)), task("train", index=(1,)))
    assert proposed(BASE, bare) == {"train.score": ""}
    assert proposed(bare, BASE) == {"train.score": NEW}


def test_a_value_without_a_recorded_one_needs_a_recording() -> None:
    random = replace(artifact("score", None), digest="", determinism="nondeterministic")
    base = with_tasks(task("train", random, index=(0,)), BASE.tasks[2])
    observed = replace(
        BASE, policy=replace(BASE.policy, fail_on=frozenset({"artifacts", "nondeterminism"}))
    )
    why = "it is nondeterministic in the baseline, which has no value of it"
    assert proposed(base, observed)["train.score"] == why


def test_a_value_that_could_not_be_read_needs_a_recording() -> None:
    unread = replace(artifact("score", {"$opaque": "took too long"}), opaque=True, unread=True)
    observed = with_tasks(task("train", unread, index=(0,)), BASE.tasks[2])
    assert proposed(BASE, observed) == {"train.score": "it could be read on one side only"}


def test_values_that_do_not_fail_a_check_are_left_out() -> None:
    observed = replace(
        with_tasks(task("train", artifact("score", 0.9100001), index=(0,)), BASE.tasks[2]),
        policy=replace(BASE.policy, patterns=Patterns(rtol=(("train.score", 0.1),))),
    )
    assert proposed(BASE, observed) == {"policy": ""}


def test_code_files_and_the_graph_are_one_proposal() -> None:
    start, _, *rest = BASE.steps
    observed = replace(
        BASE,
        code=(CodeFile(path="train.py", sha256="33"),),
        steps=(start, step("train", "join"), *rest),
    )
    (proposal,) = proposals_of(BASE, observed)
    assert (proposal.title, proposal.gated, proposal.needs_recording) == ("code", False, None)
    names = [(change.kind, change.name) for change in proposal.changes]
    assert names == [("code", "../shared.csv"), ("code", "train.py"), ("step", "train")]


def test_the_code_of_a_new_step_needs_a_recording() -> None:
    observed = replace(BASE, steps=(*BASE.steps[:3], step("check", "end"), BASE.steps[3]))
    assert proposed(BASE, observed) == {"code": f"step check: {NEW}"}


def test_a_package_belongs_to_its_environment() -> None:
    metaflow, numpy = BASE.environments[0].packages
    rebuilt = replace(numpy, record="sha256:ee")
    observed = with_base(packages=(metaflow, rebuilt), python=Interpreter("cpython", "3.11.9"))
    (proposal,) = proposals_of(BASE, observed)
    assert proposal.title == "environment of base"
    assert [change.name for change in proposal.changes] == ["python", "numpy"]


def test_declared_requirements_need_a_recording_unless_they_were_resolved() -> None:
    observed = with_base(requirements=("metaflow", "pandas>=3"))
    why = "the requirements must be resolved into a new lock"
    assert proposed(BASE, observed) == {"requirements of base": why}
    assert proposed(BASE, observed, fresh=True) == {"environment of base": ""}


def test_a_lock_for_another_platform_needs_a_recording() -> None:
    lock = parse_pypi(f"# By pip-tools, for darwin arm64 only.\n{LOCK}")
    base = with_base(lock=lock)
    assert [*proposed(base, base)] == ["requirements of base"]


def test_a_fresh_lock_without_its_wheels_needs_a_recording() -> None:
    check = replace(last_check(with_base(requirements=("metaflow",)), fresh=True), wheelhouse=True)
    (proposal,) = propose(changes_of(BASE, check), BASE, check)
    assert proposal.needs_recording == "the wheels of the new lock are not in the wheelhouse"
    assert not proposal.gated


def test_the_environment_of_a_step_belongs_to_the_code() -> None:
    of_step = replace(BASE.environments[0], name="step-train", steps=("train",))
    base = replace(BASE, environments=(*BASE.environments, of_step))
    assert proposed(base, BASE) == {"code": ""}


def test_the_machine_is_one_proposal() -> None:
    observed = replace(BASE, system=replace(BASE.system, machine="arm64", libc="15.0"))
    (proposal,) = proposals_of(BASE, observed)
    assert (proposal.title, len(proposal.changes), proposal.gated) == ("system", 2, False)


def test_conda_settings_need_a_recording_unless_the_lock_was_resolved_with_them() -> None:
    policy: Policy = replace(BASE.policy, conda_channels=("bioconda",))
    observed = replace(BASE, policy=policy)
    why = "the lock was resolved with other conda settings"
    assert proposed(BASE, observed) == {"policy": why}
    assert proposed(BASE, observed, fresh=True) == {"policy": ""}


def test_a_merged_baseline_needs_a_recording() -> None:
    observed = replace(BASE, parameters=(artifact("alpha", 0.2),))
    why = "the baseline is a git merge of several recordings"
    assert proposed(replace(BASE, merged=True), observed) == {"parameter alpha": why}
