from __future__ import annotations

import json
from dataclasses import MISSING, fields

from recordings import recording

from pytest_flowrepro.model import Card, Cause, Change, TaskLog
from pytest_flowrepro.pipeline import Observation
from pytest_flowrepro.plugin.observation_json import observation_from_json, observation_to_json

LOG = TaskLog(
    step="train",
    index=(0, 2),
    ok=False,
    attempts=2,
    written=("/copy/plot.png",),
    stdout="out",
    stderr="err\udc80",
    modules=("pandas",),
    sources=("train.py",),
    drawn=("numpy",),
    signal="SIGKILL",
)
OBSERVATION = Observation(
    recording=recording(),
    logs=(LOG,),
    failure="stopped after 9 s",
    timed_out=True,
    output="Metaflow",
    seconds=(("rerun", 1.5),),
    notes=("a note",),
    ended=("sleep 300",),
    details=("a detail",),
    recorded="updated",
    changes=(
        Change(kind="artifact", change="changed", name="x", old="1", new="2", gated=True),
        Change(kind="step", change="added", name="s", old=None, new=None, gated=True, index=(1, 2)),
    ),
    causes=(Cause(kind="code", text="code of step s changed", steps=("s",)),),
    cards=(Card(step="s", index=(1,), type="blank", id="x", state="rendered", page="/run/1.html"),),
)


def defaults(value: TaskLog | Observation) -> list[str]:
    """Return the names of the fields that have their default value."""
    return [
        field.name
        for field in fields(value)
        if field.default is not MISSING and getattr(value, field.name) == field.default
    ]


def test_an_observation_comes_back_as_it_was() -> None:
    assert (defaults(OBSERVATION), defaults(LOG)) == ([], []), "each field is one that is sent"
    written = json.dumps(observation_to_json(OBSERVATION))
    received = observation_from_json(json.loads(written))
    assert received == OBSERVATION
    assert [card.page for card in received.cards] == ["/run/1.html"]
