"""Through JSON and back: as an xdist worker sends results, and as they are logged."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args

from hypothesis import given
from hypothesis import strategies as st
from sample_pictures import PICTURES

from pytest_flowrepro.model import (
    Card,
    Cause,
    CauseKind,
    Change,
    ChangeKind,
    GraphStep,
    RecordedAs,
    StepState,
    Verdict,
)
from pytest_flowrepro.model.recording import Determinism
from pytest_flowrepro.plugin.results import PartId, PartResult

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = st.text()
OPTIONAL = st.none() | TEXT
TEXTS = st.lists(TEXT).map(tuple)
NUMBER = st.integers(min_value=0)
SECONDS = st.tuples(TEXT, st.floats(min_value=0, allow_infinity=False))

CHANGE: Mapping[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(get_args(ChangeKind)),
    "change": st.sampled_from(["added", "removed", "changed", "unread"]),
    "name": TEXT,
    "old": OPTIONAL,
    "new": OPTIONAL,
    "gated": st.booleans(),
    "environment": OPTIONAL,
    "step": OPTIONAL,
    "index": st.none() | st.lists(NUMBER).map(tuple),
    "explanation": TEXTS,
    "determinism": st.sampled_from(get_args(Determinism)),
    "within": OPTIONAL,
    "origin": st.sampled_from([None, "first", "derived"]),
    "cause": st.none() | st.sampled_from(get_args(CauseKind)),
    "loaded": st.none() | st.booleans(),
    "tasks": st.none() | st.tuples(NUMBER, NUMBER),
    "setting": OPTIONAL,
    "weakens": st.booleans(),
    "declared": st.booleans(),
    "accepted_by": OPTIONAL,
    "via": TEXTS,
    "link": OPTIONAL,
    "pictures": st.lists(st.sampled_from(PICTURES)).map(tuple),
}
CAUSE: Mapping[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(get_args(CauseKind)),
    "text": TEXT,
    "steps": TEXTS,
}
STEP: Mapping[str, st.SearchStrategy[Any]] = {
    "name": TEXT,
    "type": TEXT,
    "next": TEXTS,
    "state": st.sampled_from(get_args(StepState)),
}
CARD: Mapping[str, st.SearchStrategy[Any]] = {
    "step": TEXT,
    "index": st.lists(NUMBER).map(tuple),
    "type": TEXT,
    "id": OPTIONAL,
    "state": st.sampled_from(["rendered", "failed"]),
    "page": OPTIONAL,
}
RESULT: Mapping[str, st.SearchStrategy[Any]] = {
    "verdict": st.sampled_from(get_args(Verdict)),
    "changes": st.lists(st.builds(Change, **CHANGE), max_size=3).map(tuple),
    "recorded": st.none() | st.sampled_from(get_args(RecordedAs)),
    "seconds": st.lists(SECONDS).map(tuple),
    "nondeterministic": NUMBER,
    "notes": TEXTS,
    "idle": st.none() | TEXTS,
    "failure": OPTIONAL,
    "skipped": OPTIONAL,
    "in_call": st.booleans(),
    "is_broken": st.booleans(),
    "after": TEXTS,
    "causes": st.lists(st.builds(Cause, **CAUSE), max_size=3).map(tuple),
    "graph": st.lists(st.builds(GraphStep, **STEP), max_size=3).map(tuple),
    "cards": st.lists(st.builds(Card, **CARD), max_size=3).map(tuple),
}
PART: Mapping[str, st.SearchStrategy[Any]] = {
    "file": TEXT,
    "flow": TEXT,
    "case": OPTIONAL,
    "part": TEXT,
    "position": NUMBER,
    "tests": NUMBER,
    "nodeid": TEXT,
}


def names(value: type[Card | Cause | Change | GraphStep | PartId | PartResult]) -> set[str]:
    return {field.name for field in fields(value)}


def test_the_strategies_have_every_field() -> None:
    assert names(Change) == CHANGE.keys()
    assert names(PartResult) == RESULT.keys()
    assert names(Card) == CARD.keys()
    assert names(Cause) == CAUSE.keys()
    assert names(GraphStep) == STEP.keys()
    assert names(PartId) == PART.keys()


@given(st.builds(PartResult, **RESULT))
def test_a_result_comes_back_from_json(result: PartResult) -> None:
    sent = json.dumps(result.to_json(), allow_nan=False)
    received = PartResult.from_json(json.loads(sent))
    assert received == result
    assert [card.page for card in received.cards] == [card.page for card in result.cards]
    assert hash(received) == hash(result), "frozen: tuples, no lists"


@given(st.builds(PartId, **PART))
def test_an_identity_comes_back_from_json(part: PartId) -> None:
    assert PartId.from_json(json.loads(json.dumps(part.to_json()))) == part


def test_a_flow_is_known_by_its_file_name_and_case() -> None:
    part = PartId(
        file="a.py", flow="F", case="small", part="code", position=0, tests=5, nodeid="a.py::F"
    )
    assert part.flow_key == ("a.py", "F", "small")
    assert part.title == "F@small"
