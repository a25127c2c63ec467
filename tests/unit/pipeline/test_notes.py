from __future__ import annotations

from dataclasses import replace

from recordings import artifact, log, task

from pytest_flowrepro.model import Artifact, Task
from pytest_flowrepro.model.patterns import NO_PATTERNS, Patterns
from pytest_flowrepro.pipeline.notes import broken_cards, compared_by_bytes, repeated_attempts
from pytest_flowrepro.support.docs import docs


def test_attempts_are_reported_where_there_were_several() -> None:
    logs = (log("start", attempts=1), log("train", 0, 2, attempts=3), log("end", attempts=2))
    assert list(repeated_attempts(logs)) == [
        "step train[0, 2] took 3 attempts",
        "step end took 2 attempts",
    ]


def card(name: str, state: str) -> Artifact:
    return Artifact(name=name, type="metaflow.card", digest="sha256:0", value=state)


def test_a_card_that_did_not_render_is_reported() -> None:
    cards = (
        card("@card(default)", "rendered"),
        card("@card(blank)", "failed"),
        card("@card(x)", "rendered, rendered"),
    )
    other = Artifact(name="state", type="str", digest="sha256:1", value="failed")
    tasks = (Task(step="start", index=(1,), artifacts=(*cards, other)),)
    assert list(broken_cards(tasks)) == ["step start[1]: @card(blank) did not render (failed)"]


def opaque(name: str, why: str) -> Artifact:
    return replace(artifact(name), opaque=True, value={"$opaque": why, "type": "m.M"})


GONE = "cannot be unpickled: ModuleNotFoundError: No module named 'm'"
SEE = f"; see {docs('how-to/teach-it-your-rules#encoders')}"
"""At the end of the first note."""
LEAVE = 'fix this, or ignore it with ignore = ["{}"]'


def test_an_opaque_artifact_is_reported_with_the_reason_and_what_to_do() -> None:
    plain = artifact("rows", {"$opaque": "a dict of the user's"})
    tasks = (
        task("_parameters", opaque("alpha", GONE)),
        task("start", opaque("model", GONE), plain),
    )
    assert list(compared_by_bytes(tasks, NO_PATTERNS)) == [
        f"parameter alpha is compared by its pickle only ({GONE}); "
        + LEAVE.format("_parameters.alpha")
        + SEE,
        f"step start: model is compared by its pickle only ({GONE}); "
        + LEAVE.format("start.model"),
    ]


def test_the_tasks_of_a_foreach_are_one_sentence() -> None:
    tasks = tuple(task("train", opaque("m", f"{GONE} {i}"), index=(i,)) for i in range(1_000))
    (note,) = compared_by_bytes(tasks, NO_PATTERNS)
    told = f"m is compared by its pickle only ({GONE} 0); "
    assert note == f"step train[0] and 999 more of its tasks: {told}{LEAVE.format('train.m')}{SEE}"


def test_what_is_ignored_as_a_whole_is_not_reported() -> None:
    tasks = (task("start", opaque("model", GONE)),)
    assert list(compared_by_bytes(tasks, Patterns(ignore=("start.model",)))) == []
