from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.diff.determinism import (
    ALIKE,
    MOST_ATTEMPTS,
    USUAL,
    Attempt,
    Classified,
    Conditions,
    by_digest,
    classify,
    differing_artifacts,
    next_conditions,
)
from pytest_flowrepro.model import Artifact, Determinism, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.diff.determinism import Same
    from pytest_flowrepro.support.strict_json import Json


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


Tasks = tuple[Task, ...]
SEED = Conditions(seed=1)
OTHER = Conditions(seed=1, threads=True, cpu=True)


def with_determinism(
    seed0: Tasks, seed1: Tasks, again0: Tasks | None, *, same: Same = by_digest
) -> Tasks:
    """What three reruns come to where the machine makes no difference."""
    attempts = [attempt(USUAL, seed0), attempt(SEED, seed1)]
    attempts += [attempt(USUAL, again0)] if again0 is not None else []
    return classify(attempts, same=same).tasks


def attempt(conditions: Conditions, tasks: Tasks, *drawn: str) -> Attempt:
    """`drawn`: the state of the generator, in each step."""
    states = {(one.step, one.index): (state,) for one, state in zip(tasks, drawn, strict=False)}
    return Attempt(conditions=conditions, tasks=tasks, drawn=states)


def attempts_of(
    flow: Callable[[Conditions, int], Attempt],
    varied: Conditions = OTHER,
    most: int = MOST_ATTEMPTS,
) -> list[Attempt]:
    """The attempts of a recording of a flow that gives `flow(conditions, number)`."""
    attempts = [flow(USUAL, 0)]
    while (conditions := next_conditions(attempts, varied, most=most)) is not None:
        attempts.append(flow(conditions, len(attempts)))
    return attempts


def test_equal_runs_differ_in_nothing_and_stay_as_they_are() -> None:
    run = (task("start", artifact("a", 1)), task("end"))
    assert differing_artifacts(run, run) == ()
    assert with_determinism(run, run, None) == run


def test_what_differs_under_another_hash_seed_only_keeps_its_value() -> None:
    seed0 = (task("start", artifact("a", 1), artifact("b", 2)),)
    seed1 = (task("start", artifact("a", 1), artifact("b", 3)),)
    assert differing_artifacts(seed0, seed1) == (("start", (), "b"),)
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


def test_the_siblings_of_what_differs_by_chance_are_nondeterministic_as_well() -> None:
    def draws(*values: int) -> Tasks:
        return tuple(task("draw", artifact("hit", v), index=(i,)) for i, v in enumerate(values))

    marked = with_determinism(draws(1, 2, 3), draws(2, 2, 1), draws(1, 0, 3))
    assert {a.determinism for t in marked for a in t.artifacts} == {"nondeterministic"}


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
    assert ("start", (), "a") in differing_artifacts(with_it, without)
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
    assert differing_artifacts((task("a"),), (task("a"), task("b"))) == (("b", (), ""),)


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
    assert differing_artifacts(run, longer) == (("grind", (1, 1), "left"),)
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

    assert differing_artifacts(first, second, same) == (("start", (), "b"),)
    (marked,) = with_determinism(first, second, third, same=same)
    assert marked.artifacts == (
        artifact("a", 1),
        artifact("b", None, determinism="nondeterministic"),
    )


# --- which reruns are made -------------------------------------------------------------

# What an artifact's value depends on -> the conditions of the reruns, and its determinism.
DEPENDS = [
    ((), [OTHER], "deterministic", ()),
    (("seed",), [OTHER, SEED, USUAL], "hash-seed", ()),
    (("threads",), [OTHER, SEED, Conditions(threads=True)], "machine", ("threads",)),
    (("cpu",), [OTHER, SEED, Conditions(threads=True)], "machine", ("cpu",)),
    (("threads", "cpu"), [OTHER, SEED, Conditions(threads=True)], "machine", ("threads",)),
    (("seed", "cpu"), [OTHER, SEED, USUAL], "hash-seed", ()),
    (("chance",), [OTHER, SEED, USUAL], "nondeterministic", ()),
    (("chance", "seed", "cpu"), [OTHER, SEED, USUAL], "nondeterministic", ()),
]


@pytest.mark.parametrize(("depends", "reruns", "determinism", "factors"), DEPENDS)
def test_as_few_reruns_as_show_what_a_value_depends_on(
    depends: tuple[str, ...],
    reruns: list[Conditions],
    determinism: Determinism,
    factors: tuple[str, ...],
) -> None:
    def flow(conditions: Conditions, number: int) -> Attempt:
        on = {"chance": number, "seed": conditions.seed}
        on |= {"threads": conditions.threads, "cpu": conditions.cpu}
        large = [f"{name} {on[name]}" for name in depends] + ["x" * 200]
        constant = artifact("a", "y" * 200)
        return attempt(conditions, (task("start", constant, artifact("b", [*large])),))

    attempts = attempts_of(flow)
    assert [one.conditions for one in attempts[1:]] == reruns
    found = classify(attempts)
    assert [a.determinism for a in found.tasks[0].artifacts] == ["deterministic", determinism]
    assert found.machine == ({("start", "b"): frozenset(factors)} if factors else {})


def test_without_a_numerical_library_the_hash_seed_alone_is_varied() -> None:
    def flow(conditions: Conditions, _: int) -> Attempt:
        value = [f"{conditions.seed}", "x" * 200]
        return attempt(conditions, (task("start", artifact("a", [*value])),))

    attempts = attempts_of(flow, SEED)
    assert [one.conditions for one in attempts] == [USUAL, SEED, USUAL]
    assert classify(attempts).tasks[0].artifacts[0].determinism == "hash-seed"


@pytest.mark.parametrize(("most", "reruns"), [(1, 1), (2, 2), (3, 3), (4, 4)])
def test_no_more_reruns_than_the_configuration_allows(most: int, reruns: int) -> None:
    def flow(conditions: Conditions, number: int) -> Attempt:
        return attempt(conditions, (task("start", artifact("a", number), artifact("b", 1)),))

    attempts = attempts_of(flow, most=most)
    assert len(attempts) == reruns
    marked = classify(attempts).tasks[0].artifacts
    expected = "deterministic" if most == 1 else "nondeterministic"
    assert [a.determinism for a in marked] == [expected, "deterministic"]


def test_last_bits_that_the_machine_decides_are_not_taken_for_chance() -> None:
    def flow(conditions: Conditions, _: int) -> Attempt:
        total = 0.1 + (1e-15 if conditions.cpu else 0)
        return attempt(conditions, (task("start", artifact("total", total, type="float")),))

    attempts = attempts_of(flow)
    assert len(attempts) == 4
    assert classify(attempts).machine == {("start", "total"): {"cpu"}}


def test_the_order_of_a_set_is_not_taken_for_chance_unless_it_has_few_items() -> None:
    def flow(items: str) -> Callable[[Conditions, int], Attempt]:
        def ran(conditions: Conditions, _: int) -> Attempt:
            value: Json = [*reversed(items)] if conditions.seed else [*items]
            return attempt(conditions, (task("start", artifact("order", value)),))

        return ran

    def foreach(conditions: Conditions, _: int) -> Attempt:
        genres = reversed("abcde") if conditions.seed else "abcde"
        return attempt(
            conditions,
            tuple(task("train", artifact("genre", g), index=(i,)) for i, g in enumerate(genres)),
        )

    assert len(attempts_of(foreach, SEED)) == 3
    assert len(attempts_of(flow("abcdefgh"), SEED)) == 3
    assert len(attempts_of(flow("ab"), SEED)) == 1 + ALIKE


def test_a_clock_and_an_id_cause_no_search_for_chance() -> None:
    def flow(conditions: Conditions, number: int) -> Attempt:
        values: tuple[Json, ...] = (
            f"2026-11-28T18:00:0{number}",
            1763845706.25 + number,
            f"{number}f6b9c1e-3b0c-4d60-9b7e-3a4f1f0c9f51",
        )
        made = (artifact(f"v{n}", value) for n, value in enumerate(values))
        return attempt(conditions, (task("start", *made, artifact("rows", 100)),))

    attempts = attempts_of(flow, SEED)
    assert len(attempts) == 3
    found = classify(attempts).tasks[0].artifacts
    assert [a.determinism for a in found] == ["deterministic", *["nondeterministic"] * 3]


def test_a_generator_that_is_seeded_is_not_a_reason_to_rerun_and_one_that_is_not_is() -> None:
    def flow(seeded: bool) -> Callable[[Conditions, int], Attempt]:
        return lambda conditions, number: attempt(
            conditions,
            (task("start", artifact("a", 1)), task("end", artifact("b", 1))),
            "state" if seeded else f"state {number}",
        )

    assert len(attempts_of(flow(seeded=True))) == 2
    attempts = attempts_of(flow(seeded=False))
    assert [one.conditions for one in attempts] == [USUAL, OTHER, *[USUAL] * (ALIKE - 1)]


def test_what_comes_before_chance_is_not_rerun_for_it() -> None:
    def flow(conditions: Conditions, number: int) -> Attempt:
        tasks = (task("start", artifact("a", 1)), task("end", artifact("b", str(number) * 200)))
        return attempt(conditions, tasks, "", f"state {number}")

    attempts = attempts_of(flow, SEED)
    assert len(attempts) == 3, "no small value comes after it, and the large one is known"


# --- chance ----------------------------------------------------------------------------

RECORDINGS = 400


@pytest.mark.parametrize("varied", [SEED, OTHER])
@pytest.mark.parametrize("values", [2, 4])
@pytest.mark.parametrize(("tasks", "model"), [(1, False), (1, True), (3, False)])
def test_a_random_result_of_few_values_is_recorded_as_repeatable_in_under_one_of_100(
    tasks: int, model: bool, values: int, varied: Conditions
) -> None:
    """A fair draw out of two is the worst case: the same in 8 reruns once in 2**7 recordings."""
    chance = random.Random(f"{tasks} {model} {values}")

    def flow(conditions: Conditions, number: int) -> Attempt:
        drawn = [
            task(
                "draw",
                artifact("hit", chance.randrange(values)),
                *([artifact("model", chance.random())] if model else []),
                index=(i,),
            )
            for i in range(tasks)
        ]
        states = () if model else [f"state {number}"] * tasks
        return attempt(conditions, (*drawn, task("end", artifact("rows", [1] * 100))), *states)

    wrong = 0
    for _ in range(RECORDINGS):
        found: Classified = classify(attempts_of(flow, varied))
        kinds = {a.determinism for t in found.tasks for a in t.artifacts if a.name == "hit"}
        wrong += kinds != {"nondeterministic"}
    assert wrong <= 2 * RECORDINGS / 2 ** (ALIKE - 1)  # of so few recordings, twice as many
