from __future__ import annotations

from dataclasses import replace

from pytest_flowrepro.determinism import differing, with_determinism
from pytest_flowrepro.model import Artifact, Determinism, Json, Task


def artifact(
    name: str,
    value: Json,
    *,
    type: str = "int",  # noqa: A002  the field's name
    determinism: Determinism = "deterministic",
) -> Artifact:
    nothing = determinism == "nondeterministic"
    return Artifact(
        name=name,
        type=type,
        digest="" if nothing else f"sha256:{value!r}",
        value=None if nothing else value,
        determinism=determinism,
    )


def task(step: str, *artifacts: Artifact, index: tuple[int, ...] = ()) -> Task:
    return Task(step=step, index=index, artifacts=artifacts)


def test_equal_runs_differ_in_nothing_and_stay_as_they_are() -> None:
    run = (task("start", artifact("a", 1)), task("end"))
    assert differing(run, run) == ()
    assert with_determinism(run, run, None) == run


def test_what_differs_under_another_hash_seed_only_keeps_its_value() -> None:
    seed0 = (task("start", artifact("a", 1), artifact("b", 2)),)
    seed1 = (task("start", artifact("a", 1), artifact("b", 3)),)
    assert differing(seed0, seed1) == (("start", (), "b"),)
    assert with_determinism(seed0, seed1, seed0) == (
        task("start", artifact("a", 1), artifact("b", 2, determinism="hash-seed")),
    )


def test_what_differs_under_one_hash_seed_keeps_neither_digest_nor_value() -> None:
    runs = [(task("start", artifact("a", 1), artifact("b", value)),) for value in (2, 3, 4)]
    expected = (
        task("start", artifact("a", 1), artifact("b", None, determinism="nondeterministic")),
    )
    assert with_determinism(*runs) == expected
    one, two, three = runs
    assert with_determinism(three, one, two) == expected, "recording again gives the same"


def test_what_differs_in_the_third_run_alone_is_nondeterministic_too() -> None:
    seed0, again0 = (task("start", artifact("a", 1)),), (task("start", artifact("a", 2)),)
    marked = with_determinism(seed0, seed0, again0)
    assert [a.determinism for a in marked[0].artifacts] == ["nondeterministic"]


def test_without_a_third_run_every_difference_counts_as_nondeterministic() -> None:
    seed0, seed1 = (task("start", artifact("a", 1)),), (task("start", artifact("a", 2)),)
    marked = with_determinism(seed0, seed1, None)
    assert [a.determinism for a in marked[0].artifacts] == ["nondeterministic"]


def test_a_type_that_varies_is_not_kept() -> None:
    seed0 = (task("start", artifact("a", 1, type="int")),)
    again0 = (task("start", artifact("a", "x", type="str")),)
    assert with_determinism(seed0, seed0, again0)[0].artifacts[0].type == ""
    assert with_determinism(again0, seed0, seed0)[0].artifacts[0].type == ""


def test_an_artifact_that_is_set_in_some_runs_only_is_nondeterministic() -> None:
    with_it, without = (task("start", artifact("a", 1)),), (task("start"),)
    expected = (task("start", artifact("a", None, determinism="nondeterministic")),)
    assert ("start", (), "a") in differing(with_it, without)
    assert with_determinism(with_it, with_it, without) == expected
    assert with_determinism(without, with_it, with_it) == expected


def test_an_artifact_that_another_seed_alone_sets_does_not_belong_to_the_recording() -> None:
    seed0 = (task("start"),)
    assert with_determinism(seed0, (task("start", artifact("a", 1)),), seed0) == seed0


def test_a_foreach_of_random_length_is_nondeterministic_where_it_varies() -> None:
    short = (task("start"), task("train", artifact("s", 0), index=(0,)), task("end"))
    longer = (*short[:2], task("train", artifact("s", 1), index=(1,)), task("end"))
    marked = with_determinism(short, short, longer)
    assert [(t.step, t.index) for t in marked] == [
        ("start", ()),
        ("train", (0,)),
        ("train", (1,)),
        ("end", ()),
    ]
    assert [a.determinism for t in marked for a in t.artifacts] == [
        "deterministic",
        "nondeterministic",
    ]
    assert with_determinism(longer, longer, short) == marked


def test_a_task_without_artifacts_that_is_in_one_run_only_asks_for_a_third() -> None:
    assert differing((task("a"),), (task("a"), task("b"))) == (("b", (), ""),)


def test_a_task_without_artifacts_that_comes_and_goes_is_recorded_whichever_run_has_it() -> None:
    with_it, without = (task("start"), task("skip")), (task("start"),)
    assert with_determinism(with_it, with_it, without) == with_it
    assert with_determinism(without, with_it, with_it) == with_it
    assert with_determinism(without, with_it, without) == without


def test_the_passes_of_a_loop_are_tasks_of_their_own() -> None:
    run = (
        task("grind", artifact("left", 1), index=(0, 0)),
        task("grind", artifact("left", 0), index=(0, 1)),
        task("grind", artifact("left", 1), index=(1, 0)),
        task("wrap", index=(0,)),
    )
    longer = (*run, task("grind", artifact("left", 0), index=(1, 1)))
    assert differing(run, longer) == (("grind", (1, 1), "left"),)
    marked = with_determinism(run, run, longer)
    assert [(t.step, t.index) for t in marked] == [
        ("grind", (0, 0)),
        ("grind", (0, 1)),
        ("grind", (1, 0)),
        ("grind", (1, 1)),
        ("wrap", (0,)),
    ]


def test_foreach_indexes_are_in_numerical_order() -> None:
    run = tuple(task("train", artifact("s", n), index=(n,)) for n in range(12))
    assert with_determinism(run, run, run) == run


def test_the_sha_of_a_pickle_stays_where_both_runs_have_it() -> None:
    def run(*shas: str | None) -> tuple[Task, ...]:
        named = zip("abc", shas, strict=True)
        return (task("start", *(replace(artifact(name, 1), sha=sha) for name, sha in named)),)

    marked = with_determinism(run("one", "one", None), run("one", "two", "one"), None)
    assert marked == run("one", None, None)


def test_what_the_rules_of_a_flow_let_pass_is_deterministic_and_keeps_the_first_value() -> None:
    first, second, third = (
        (task("start", artifact("a", value), artifact("b", value)),) for value in (1, 2, 3)
    )

    def same(step: str, one: Artifact, other: Artifact) -> bool:
        return one.digest == other.digest or f"{step}.{one.name}" == "start.a"

    assert differing(first, second, same) == (("start", (), "b"),)
    (marked,) = with_determinism(first, second, third, same=same)
    assert marked.artifacts == (
        artifact("a", 1),
        artifact("b", None, determinism="nondeterministic"),
    )
