from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import pytest
from recordings import artifact, recording, step, task

from pytest_flowrepro.diff import diff, diff_baselines, mark_loaded, unmatched
from pytest_flowrepro.diff.recordings import NOT_KEPT, SUMMARY_ONLY
from pytest_flowrepro.model import (
    Artifact,
    Change,
    CodeFile,
    Decorator,
    Determinism,
    Gate,
    Interpreter,
    Recording,
    System,
    Task,
)
from pytest_flowrepro.model.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.support.strict_json import Json

ALL: frozenset[Gate] = frozenset(get_args(Gate))
NONE: frozenset[Gate] = frozenset()
DEFAULT: frozenset[Gate] = frozenset({"environment", "artifacts"})


def only(changes: tuple[Change, ...]) -> Change:
    assert len(changes) == 1, changes
    return changes[0]


def nondeterministic(name: str) -> Artifact:
    return Artifact(name=name, type="list", digest="", value=None, determinism="nondeterministic")


def test_a_recording_does_not_differ_from_itself() -> None:
    assert diff(recording(), recording(), gates=ALL) == ()


def test_only_a_check_advises_to_record_changed_requirements() -> None:
    moved = with_environment(recording(), requirements=("metaflow", "pandas>=3"))
    checked = only(diff(recording(), moved, gates=ALL))
    assert checked.explanation == (
        "requirements changed since the lock was recorded; record again",
    )
    assert diff_baselines(recording(), moved) == (replace(checked, explanation=()),)


# Each difference, and the gate that makes it drift.
MOVED: list[tuple[str, str, Callable[[Recording], Recording], Gate]] = [
    ("policy", "changed", lambda r: with_policy(r, cwd="flows"), "policy"),
    (
        "code",
        "changed",
        lambda r: replace(r, code=(r.code[0], CodeFile(path="train.py", sha256="33"))),
        "code",
    ),
    ("code", "removed", lambda r: replace(r, code=r.code[1:]), "code"),
    ("code", "added", lambda r: replace(r, code=(*r.code, CodeFile(path="z", sha256="1"))), "code"),
    ("package", "removed", lambda r: with_environment(r, packages=()), "environment"),
    (
        "python",
        "changed",
        lambda r: with_environment(r, python=Interpreter("cpython", "3.12.1")),
        "environment",
    ),
    ("python", "removed", lambda r: replace(r, environments=()), "environment"),
    (
        "system",
        "changed",
        lambda r: replace(r, system=System(platform="darwin", machine="x86_64", libc="glibc 2.36")),
        "system",
    ),
    ("parameter", "changed", lambda r: replace(r, parameters=(artifact("alpha", 1),)), "artifacts"),
    ("parameter", "removed", lambda r: replace(r, parameters=()), "artifacts"),
    ("step", "changed", lambda r: replace(r, steps=(step("start", "end"), *r.steps[1:])), "code"),
    ("step", "removed", lambda r: replace(r, steps=r.steps[:-1]), "artifacts"),
    ("step", "removed", lambda r: replace(r, tasks=r.tasks[:-1]), "artifacts"),
    (
        "artifact",
        "changed",
        lambda r: replace(r, tasks=(task("start", artifact("rows", 5)), *r.tasks[1:])),
        "artifacts",
    ),
    ("artifact", "removed", lambda r: replace(r, tasks=(task("start"), *r.tasks[1:])), "artifacts"),
]


def with_environment(found: Recording, **fields: object) -> Recording:
    base = found.environments[0]
    if fields.get("packages") == ():
        fields["packages"] = base.packages[:-1]
    return replace(found, environments=(replace(base, **fields),))  # type: ignore[arg-type]


def with_policy(found: Recording, **fields: Any) -> Recording:
    """With a policy that gates nothing by itself."""
    return replace(found, policy=replace(found.policy, fail_on=NONE, **fields))


@pytest.mark.parametrize(("kind", "change", "move", "gate"), MOVED)
def test_each_kind_of_change_and_its_gate(
    kind: str, change: str, move: Callable[[Recording], Recording], gate: Gate
) -> None:
    old = with_policy(recording())
    assert {c.kind for c in diff(old, move(old), gates=ALL)} == {kind}
    assert {c.change for c in diff(old, move(old), gates=ALL)} == {change}
    assert all(c.gated for c in diff(old, move(old), gates=frozenset({gate})))
    assert not any(c.gated for c in diff(old, move(old), gates=ALL - {gate}))


def test_what_was_added_one_way_was_removed_the_other_way() -> None:
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    old = with_policy(recording())
    for _, change, move, _ in MOVED:
        back = diff(move(old), old, gates=ALL)
        assert {c.change for c in back} == {opposite[change]}


def test_digests_decide_and_not_the_readable_values() -> None:
    one = artifact("a", 1)
    same_digest = replace(one, value="something else")
    other_digest = replace(one, digest="sha256:other")
    old = recording(task("start", one))
    assert diff(old, recording(task("start", same_digest)), gates=ALL) == ()
    change = only(diff(old, recording(task("start", other_digest)), gates=ALL))
    assert change.explanation[0].startswith("differs, not explained")


def test_an_artifact_is_reported_by_step_index_and_name_with_both_values() -> None:
    old = recording(task("train", artifact("score", 0.91), index=(3,)))
    new = recording(task("train", artifact("score", 0.93), index=(3,)))
    change = only(diff(old, new, gates=ALL))
    assert (change.step, change.index, change.name) == ("train", (3,), "score")
    assert (change.old, change.new) == ("0.91", "0.93")
    assert change.explanation == ("by 0.02, relative 0.022",)


def test_a_foreach_that_shrank_is_one_change_for_each_task() -> None:
    tasks = [task("train", artifact("a", n), artifact("b", n), index=(n,)) for n in range(4)]
    changes = diff(recording(*tasks), recording(*tasks[:2]), gates=ALL)
    assert [(c.kind, c.name, c.index, c.old, c.new) for c in changes] == [
        ("step", "train", (2,), "a task with 2 artifacts", None),
        ("step", "train", (3,), "a task with 2 artifacts", None),
    ]


def test_the_artifacts_of_a_step_that_is_gone_are_named() -> None:
    old = recording()
    new = replace(old, steps=old.steps[:1], tasks=old.tasks[:1])
    changes = diff(old, new, gates=ALL)
    assert [(c.kind, c.change, c.step, c.index, c.name) for c in changes] == [
        ("step", "removed", "train", None, "train"),
        ("step", "removed", "join", None, "join"),
        ("step", "removed", "end", None, "end"),
        ("artifact", "removed", "train", (0,), "score"),
        ("artifact", "removed", "train", (1,), "score"),
    ]
    assert {c.origin for c in changes if c.kind == "artifact"} == {"first"}
    ignored = Patterns(ignore=("train.*",))
    kinds = {c.kind for c in diff(old, new, gates=ALL, patterns=ignored)}
    assert kinds == {"step"}


def test_a_changed_decorator_is_reported_by_its_attribute() -> None:
    old = recording()
    retry = Decorator(name="retry", attributes={"times": 4})
    train = replace(old.steps[1], decorators=(retry,))
    change = only(diff(old, replace(old, steps=(old.steps[0], train, *old.steps[2:])), gates=ALL))
    assert change.explanation == ("@retry times: 3 -> 4",)


def test_a_change_inside_an_argument_of_a_decorator_is_reported_by_its_place() -> None:
    start, *steps = recording().steps

    def packages(versions: Json) -> Recording:
        pypi = Decorator(name="pypi", attributes={"packages": versions, "python": None})
        return replace(recording(), steps=(replace(start, decorators=(pypi,)), *steps))

    old = packages({"numpy": "1.26", "pandas": "2.2"})
    change = only(diff(old, packages({"numpy": "2.0", "pandas": "2.2"}), gates=ALL))
    assert change.explanation == ("@pypi packages['numpy']: '1.26' -> '2.0'",)
    change = only(diff(old, packages({"numpy": "1.26"}), gates=ALL))
    assert change.explanation == ("@pypi packages['pandas']: removed '2.2'",)
    change = only(diff(old, packages(None), gates=ALL))
    (line,) = change.explanation
    assert line == '@pypi packages: {"numpy": "1.26", "pandas": "2.2"} -> null'


def test_a_plain_value_needs_no_explanation() -> None:
    old = recording(task("start", artifact("rows", 100, type="int")))
    new = recording(task("start", artifact("rows", 200, type="int")))
    change = only(diff(old, new, gates=ALL))
    assert (change.old, change.new, change.explanation) == ("100", "200", ())


# --- determinism ----------------------------------------------------------------------


def test_a_nondeterministic_artifact_is_a_change_only_where_that_is_gated() -> None:
    old = recording(task("start", nondeterministic("bonus")))
    new = replace(recording(task("start", artifact("bonus", 3))), runs=1)
    assert diff(old, new, gates=ALL - {"nondeterminism"}) == ()
    change = only(diff(old, new, gates=frozenset({"nondeterminism"})))
    assert change.gated
    assert change.determinism == "nondeterministic"
    assert change.explanation == (
        "nondeterministic in the baseline: its values cannot be compared",
    )


def test_a_nondeterministic_artifact_that_went_is_shown_and_gated_as_such() -> None:
    old, new = recording(task("start", nondeterministic("bonus"))), recording(task("start"))
    change = only(diff(old, new, gates=frozenset({"artifacts"})))
    assert (change.change, change.gated) == ("removed", False)
    assert only(diff(old, new, gates=ALL)).gated


def test_a_random_task_that_went_is_shown_and_gated_as_such() -> None:
    random = task("train", nondeterministic("s"), index=(7,))
    old, new = recording(task("start"), random), recording(task("start"))
    change = only(diff(old, new, gates=frozenset({"artifacts"})))
    assert (change.kind, change.gated, change.determinism) == ("step", False, "nondeterministic")


def routed(*tasks: Task, route: Artifact) -> Recording:
    """Of a flow whose switch `start` goes to `fast` or `slow`, both of which lead to `end`."""
    return replace(
        recording(task("start", route), *tasks, task("end")),
        steps=(
            step("start", "fast", "slow", type="split-switch"),
            step("fast", "end"),
            step("slow", "rest"),
            step("rest", "end"),
            step("end", type="end"),
        ),
    )


def test_a_switch_that_goes_another_way_takes_tasks_away_and_brings_others() -> None:
    old = routed(task("fast", artifact("ms", 3)), route=artifact("route", "fast"))
    new = routed(task("slow"), task("rest"), route=artifact("route", "slow"))
    found = [(c.step, c.change, c.gated) for c in diff(old, new, gates=frozenset({"artifacts"}))]
    assert found == [
        ("start", "changed", True),
        ("fast", "removed", True),
        ("slow", "added", True),
        ("rest", "added", True),
    ]


def test_what_follows_from_a_random_switch_or_foreach_is_shown_and_gated_as_such() -> None:
    random = nondeterministic("route")
    old = routed(task("fast", artifact("ms", 3)), route=random)
    new = routed(task("slow"), task("rest"), route=artifact("route", "slow"))
    for gates, gated in ((frozenset[Gate]({"artifacts"}), False), (ALL, True)):
        found = [c for c in diff(old, new, gates=gates) if c.kind == "step"]
        assert [c.step for c in found] == ["fast", "slow", "rest"]
        assert {(c.gated, c.determinism) for c in found} == {(gated, "nondeterministic")}


def test_chance_elsewhere_in_the_flow_excuses_no_task_that_went() -> None:
    route, slow = artifact("route", "slow"), task("slow", nondeterministic("ms"))
    old = routed(slow, task("rest", artifact("ok", 1)), route=route)
    change = only(diff(old, routed(slow, route=route), gates=frozenset({"artifacts"})))
    assert (change.step, change.change, change.gated) == ("rest", "removed", True)


def test_two_recordings_show_that_an_artifact_became_nondeterministic_and_back() -> None:
    good = recording(task("start", artifact("bonus", 3)))
    random = recording(task("start", nondeterministic("bonus")))
    change = only(diff(good, random, gates=ALL))
    assert (change.old, change.new, change.gated) == ("3", "nondeterministic", True)
    change = only(diff(random, good, gates=NONE))
    assert (change.old, change.new) == ("nondeterministic", "3")


def test_what_is_set_by_chance_in_some_tasks_may_be_set_in_others() -> None:
    def draws(*extras: Artifact | None) -> tuple[Task, ...]:
        own = (task("train", *((e and [e]) or []), index=(i,)) for i, e in enumerate(extras))
        return tuple(own)

    old = recording(*draws(nondeterministic("extra"), None))
    for new in (draws(None, artifact("extra", 1)), draws(artifact("extra", 2), None)):
        assert not any(change.gated for change in diff(old, recording(*new), gates=DEFAULT))
    changes = diff(old, recording(*draws(None, artifact("other", 1))), gates=DEFAULT)
    assert [change.name for change in changes if change.gated] == ["other"]


def test_the_tasks_of_a_foreach_of_random_length_may_come_and_go() -> None:
    old = recording(
        task("train", artifact("score", 1), index=(0,)),
        task("train", nondeterministic("score"), index=(1,)),
    )
    tasks = tuple(task("train", artifact("score", 1), index=(i,)) for i in range(4))
    for new in (tasks, tasks[:1]):
        assert not any(change.gated for change in diff(old, recording(*new), gates=DEFAULT))
    changed = recording(task("train", artifact("score", 2), index=(0,)))
    assert any(change.gated for change in diff(old, changed, gates=DEFAULT))


@pytest.mark.parametrize("determinism", ["hash-seed", "machine"])
def test_a_hash_seed_dependent_artifact_is_compared_as_any_other(determinism: Determinism) -> None:
    seeded = replace(artifact("genres", 1), determinism=determinism)
    old = recording(task("start", seeded))
    assert diff(old, recording(task("start", artifact("genres", 1))), gates=ALL) == ()
    change = only(diff(old, recording(task("start", artifact("genres", 2))), gates=ALL))
    assert (change.gated, change.determinism) == (True, determinism)


# --- ignore ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "glob", ["start.rows", "start.*", "*.rows", "st?rt.rows", "*", "start", "**"]
)
def test_ignored_artifacts_are_left_out(glob: str) -> None:
    old, new = recording(), recording(task("start", artifact("rows", 5)), *recording().tasks[1:])
    assert diff(old, new, gates=ALL, patterns=Patterns(ignore=(glob,))) == ()


@pytest.mark.parametrize("glob", ["rows", "train.rows", "START.rows", "start.rows.0"])
def test_other_globs_leave_them_in(glob: str) -> None:
    old, new = recording(), recording(task("start", artifact("rows", 5)), *recording().tasks[1:])
    assert len(diff(old, new, gates=ALL, patterns=Patterns(ignore=(glob,)))) == 1


@pytest.mark.parametrize(
    ("glob", "left"),
    [
        ("*.@card(h*", {"@card(default)", "@card(default, sums)"}),
        ("*.@card(d*", {"@card(harvest)"}),
    ],
)
def test_cards_are_ignored_by_their_names(glob: str, left: set[str]) -> None:
    names = ("@card(default)", "@card(default, sums)", "@card(harvest)")
    old, new = (
        recording(task("end", *(artifact(name, value) for name in names)))
        for value in ("rendered", "rendered, rendered")
    )
    changes = diff(old, new, gates=ALL, patterns=Patterns(ignore=(glob,)))
    assert {change.name for change in changes} == left


def test_a_task_of_ignored_artifacts_alone_may_come_and_go() -> None:
    old = recording(task("train", artifact("score", 1), index=(0,)))
    assert (
        diff(old, recording(task("end")), gates=ALL, patterns=Patterns(ignore=("train.*",)))[0].name
        == "end"
    )


def test_a_task_that_sets_nothing_is_ignored_with_its_step() -> None:
    old, new = recording(task("start"), task("train")), recording(task("start"))
    assert only(diff(old, new, gates=ALL)).step == "train"
    assert diff(old, new, gates=ALL, patterns=Patterns(ignore=("train.*",))) == ()
    assert unmatched([old], Patterns(ignore=("train.*",))) == ()


def test_parameters_are_ignored_under_metaflows_own_name_for_them() -> None:
    old, new = recording(), replace(recording(), parameters=(artifact("alpha", 2),))
    assert diff(old, new, gates=ALL, patterns=Patterns(ignore=("_parameters.alpha",))) == ()


# --- within rules ---------------------------------------------------------------------


def scored(value: Json) -> Recording:
    return recording(task("start", artifact("score", value, type="dict")), task("end"))


SCORE: dict[str, Json] = {"auc": 0.5, "at": "monday"}
TOLERANT = Patterns(rtol=(("start.score", 1e-6),))


def test_a_difference_within_a_tolerance_is_shown_and_not_gated() -> None:
    old, new = scored(SCORE), scored({**SCORE, "auc": 0.5 + 3e-9})
    change = only(diff(old, new, gates=ALL, patterns=TOLERANT))
    assert (change.within, change.gated) == ("max 3e-9", False)


BEYOND: list[tuple[str, Json]] = [
    ("more than the tolerance", {**SCORE, "auc": 0.51}),
    ("NaN", {**SCORE, "auc": {"$float": "nan"}}),
    ("another type", {**SCORE, "auc": 1}),
    ("another length", {"auc": 0.5}),
    ("something else as well", {"auc": 0.5 + 3e-9, "at": "tuesday"}),
]


@pytest.mark.parametrize("value", [value for _, value in BEYOND], ids=[name for name, _ in BEYOND])
def test_a_difference_beyond_the_tolerance_drifts(value: Json) -> None:
    change = only(diff(scored(SCORE), scored(value), gates=ALL, patterns=TOLERANT))
    assert (change.within, change.gated) == (None, True)


def test_a_difference_at_an_ignored_place_is_not_a_change() -> None:
    patterns = Patterns(ignore=("start.score.at",))
    old, later = scored(SCORE), scored({**SCORE, "at": "tuesday"})
    assert diff(old, later, gates=ALL, patterns=patterns) == ()
    worse = scored({"auc": 0.4, "at": "tuesday"})
    assert only(diff(old, worse, gates=ALL, patterns=patterns)).gated


def test_what_is_known_by_a_summary_only_is_gated_and_says_what_to_do() -> None:
    cuts: list[Json] = [{"$cut": {"type": "list", "length": 9, "digest": d}} for d in ("1", "2")]
    old, new = map(scored, cuts)
    change = only(diff(old, new, gates=ALL, patterns=TOLERANT))
    assert (change.within, change.gated) == (None, True)
    assert change.explanation[-1] == NOT_KEPT
    change = only(diff(old, scored([1]), gates=ALL, patterns=TOLERANT))
    assert (change.within, change.gated) == (None, True)
    assert change.explanation[-1] == SUMMARY_ONLY


def test_each_change_of_a_task_shows_its_origin_and_the_number_of_tasks() -> None:
    was, now = (
        recording(
            task("start", artifact("rows", rows, type="int")),
            task("train", artifact("score", rows / 10), index=(0,)),
            task("train", artifact("score", 0.93), index=(1,)),
            task("end", artifact("best", 0.93)),
        )
        for rows in (100, 101)
    )
    changes = diff(was, replace(now, code=()), gates=ALL)
    assert [(c.name, c.origin, c.tasks) for c in changes if c.kind != "code"] == [
        ("rows", "first", None),
        ("score", "derived", (1, 2)),
    ]
    assert {change.origin for change in changes if change.kind == "code"} == {None}


def test_a_value_that_was_not_recorded_is_not_compared_inside() -> None:
    old = recording(task("start", nondeterministic("score")))
    change = diff(old, scored(SCORE), gates=ALL, patterns=TOLERANT)[0]
    assert (change.determinism, change.within, change.gated) == ("nondeterministic", None, True)


def unread(why: str, digest: str) -> Artifact:
    value: Json = {"$opaque": f"cannot be loaded: {why}", "type": "m.Model", "digest": "01234567"}
    return Artifact(
        name="model", type="m.Model", digest=digest, value=value, opaque=True, unread=True
    )


def test_nothing_is_known_of_an_artifact_that_one_side_could_not_read() -> None:
    slow = recording(task("train", unread("it took more than 60 s", "sha256:a")))
    read = recording(task("train", artifact("model")))

    for old, new, reason in (
        (read, slow, "cannot be loaded: it took more than 60 s"),
        (slow, read, "when recorded, it cannot be loaded: it took more than 60 s"),
    ):
        change = only(diff(old, new, gates=ALL))
        assert (change.change, change.gated) == ("unread", True)
        assert change.explanation == (reason, "not compared")


def test_the_bytes_decide_where_neither_side_could_read_it() -> None:
    slow = recording(task("train", unread("it took more than 60 s", "sha256:a")))
    killed = recording(task("train", unread("its process ended with SIGKILL", "sha256:a")))
    other = recording(task("train", unread("it took more than 60 s", "sha256:b")))

    assert diff(slow, killed, gates=ALL) == ()
    assert only(diff(slow, other, gates=ALL)).change == "changed"


def test_an_ignored_artifact_that_could_not_be_read_is_not_reported() -> None:
    slow = recording(task("train", unread("it took more than 60 s", "sha256:a")))
    read = recording(task("train", artifact("model")))

    assert diff(read, slow, gates=ALL, patterns=Patterns(ignore=("train.model",))) == ()


def test_python_files_that_a_rerun_loaded_are_marked() -> None:
    files = [
        Change(kind="code", change="changed", name=name, old="1", new="2", gated=False)
        for name in ("a.py", "b.py", "rows.csv")
    ]
    assert [c.loaded for c in mark_loaded(files, {"a.py"})] == [True, False, None]
