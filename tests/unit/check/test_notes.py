from __future__ import annotations

from recordings import log

from pytest_flowrepro.check.notes import broken_cards, repeated_attempts
from pytest_flowrepro.model import Artifact, Task


def test_attempts_are_told_where_there_were_several() -> None:
    logs = (log("start", attempts=1), log("train", 0, 2, attempts=3), log("end", attempts=2))
    assert list(repeated_attempts(logs)) == [
        "step train[0, 2] took 3 attempts",
        "step end took 2 attempts",
    ]


def card(name: str, state: str) -> Artifact:
    return Artifact(name=name, type="metaflow.card", digest="sha256:0", value=state)


def test_a_card_that_did_not_render_is_told() -> None:
    cards = (card("@card(default)", "rendered"), card("@card(blank)", "failed"))
    other = Artifact(name="state", type="str", digest="sha256:1", value="failed")
    tasks = (Task(step="start", index=(1,), artifacts=(*cards, other)),)
    assert list(broken_cards(tasks)) == ["step start[1]: @card(blank) did not render (failed)"]
