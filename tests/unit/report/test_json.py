from __future__ import annotations

import json

import pytest
from flow_reports import ATTACKS, CODE, DRIFTED, FAILED, SCORE, hostile

from pytest_flowrepro.report import render_json


def test_the_report_has_the_documented_shape() -> None:
    document = json.loads(render_json((DRIFTED, FAILED)))

    assert list(document) == ["schema", "flows"]
    assert document["schema"] == 1
    drifted, failed = document["flows"]
    changes = drifted.pop("changes")
    assert drifted == {
        "file": "flows/train.py",
        "flow": "TrainFlow",
        "case": "small",
        "verdict": "drifted",
        "recorded": None,
        "seconds": {"lock": 0.1, "environment": 0.64, "rerun": 3.1},
        "nondeterministic": 2,
        "notes": ["@kubernetes ran locally"],
        "error": None,
    }
    assert failed["case"] is None
    assert failed["error"].startswith("manifest.json: is empty")
    assert changes[0] == {
        "kind": "artifact",
        "change": "changed",
        "environment": None,
        "step": "train",
        "index": [0, 3],
        "name": "score",
        "old": SCORE.old,
        "new": SCORE.new,
        "gated": True,
        "explanation": list(SCORE.explanation),
        "determinism": "deterministic",
        "within": None,
        "origin": None,
        "tasks": None,
        "setting": None,
        "weakens": False,
        "accepted_by": None,
        "declared": False,
    }
    assert changes[2]["index"] is CODE.index is None


def test_a_session_without_flows_has_a_report_too() -> None:
    assert json.loads(render_json(())) == {"schema": 1, "flows": []}


@pytest.mark.parametrize("text", ATTACKS)
def test_any_value_comes_back_as_it_was_and_nothing_of_it_acts_on_the_way(text: str) -> None:
    shown = render_json((hostile(text),))

    assert shown.isascii()
    assert not any(ord(character) < 32 for character in shown.replace("\n", ""))
    flow = json.loads(shown)["flows"][0]
    assert flow["error"] == flow["changes"][0]["explanation"][0] == text
