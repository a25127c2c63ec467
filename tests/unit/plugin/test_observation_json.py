from __future__ import annotations

import json

from recordings import recording

from pytest_flowrepro.model import TaskLog
from pytest_flowrepro.pipeline import Observation
from pytest_flowrepro.plugin.observation_json import observation_from_json, observation_to_json


def test_an_observation_comes_back_as_it_was() -> None:
    observation = Observation(
        recording=recording(),
        logs=(
            TaskLog(
                step="train",
                index=(0, 2),
                ok=False,
                attempts=2,
                written=("/copy/plot.png",),
                stdout="out",
                stderr="err\udc80",
                modules=("pandas",),
                sources=("train.py",),
            ),
        ),
        failure="stopped after 9 s",
        timed_out=True,
        output="Metaflow",
        seconds=(("rerun", 1.5),),
        notes=("a note",),
        ended=("sleep 300",),
        details=("a detail",),
    )
    written = json.dumps(observation_to_json(observation))
    assert observation_from_json(json.loads(written)) == observation
