from __future__ import annotations

import json
from typing import get_args

import pytest
from flow_reports import ATTACKS, CODE, DRIFTED, FAILED, SCORE, SHARDED, hostile, report_of
from jsonschema import ValidationError
from report_schema import report_schema, validator

from pytest_flowrepro.model import VERDICTS, CauseKind, ChangeKind, Report, StepState
from pytest_flowrepro.report import render_json


def test_the_report_has_the_documented_shape() -> None:
    document = json.loads(render_json(report_of(DRIFTED, FAILED)))

    assert list(document) == [
        "schema",
        "run",
        "shard",
        "flows",
        "obsolete",
        "unused_patterns",
        "uncollected",
    ]
    assert document["schema"] == 1
    assert document["run"] == {
        "command": "check",
        "version": "1.2.3",
        "date": "2026-11-29T15:30:50Z",
        "platform": "Linux-6.1.0-x86_64-with-glibc2.36",
        "python": "CPython 3.11.7",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "branch": "main",
        "is_modified": True,
        "folder": "",
        "resolution": "locked",
        "selection": ["flows", "-k train"],
        "base": None,
        "head": None,
    }
    drifted, failed = document["flows"]
    changes = drifted.pop("changes")
    assert drifted.pop("causes") == [
        {
            "kind": "environment",
            "text": "1 package changed: numpy 2.4.5 -> 2.4.6",
            "steps": ["train"],
        }
    ]
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
        "after": ["flows/ingest.py::IngestFlow"],
        "selected": ["code", "environment", "step[start]", "step[train]", "step[end]"],
        "tests": 5,
        "graph": [
            {"name": "start", "type": "start", "next": ["train"], "state": "unchanged"},
            {"name": "train", "type": "linear", "next": ["end"], "state": "origin"},
            {"name": "end", "type": "end", "next": [], "state": "downstream"},
        ],
        "cards": [
            {"step": "train", "index": [0], "type": "blank", "id": "sums", "state": "failed"}
        ],
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
        "cause": None,
        "loaded": None,
        "tasks": None,
        "setting": None,
        "weakens": False,
        "accepted_by": None,
        "declared": False,
        "via": [],
        "link": None,
        "pictures": [],
    }
    assert changes[2]["index"] is CODE.index is None


def test_a_session_without_flows_has_a_report_too() -> None:
    document = json.loads(render_json(report_of()))
    assert document["flows"] == document["obsolete"] == document["unused_patterns"] == []


@pytest.mark.parametrize("report", [report_of(), report_of(DRIFTED, FAILED), SHARDED, hostile("x")])
def test_the_report_is_valid_under_the_published_schema(report: Report) -> None:
    schema = report_schema()
    validator(schema).validate(json.loads(render_json(report)))
    for words, places in {
        VERDICTS: ("flow", "verdict"),
        get_args(StepState): ("step", "state"),
        get_args(ChangeKind): ("change", "kind"),
        get_args(CauseKind): ("cause", "kind"),
    }.items():
        definition, key = places
        assert schema["$defs"][definition]["properties"][key]["enum"] == list(words)


def test_a_shard_says_what_all_shards_have_in_common() -> None:
    assert json.loads(render_json(report_of()))["shard"] is None
    assert json.loads(render_json(SHARDED))["shard"] == {
        "number": 2,
        "count": 3,
        "flows": [
            {"file": "flows/bad.py", "flow": "BadFlow", "case": None, "shard": 1},
            {"file": "flows/train.py", "flow": "TrainFlow", "case": "small", "shard": 2},
        ],
        "obsolete": [{"folder": "flows/__flowrepro__/old/OldFlow", "reason": "no old.py"}],
        "unused_patterns": ["ignore: *.elapsed"],
        "strict": False,
    }


def test_the_schema_allows_no_other_key() -> None:
    document = json.loads(render_json(report_of(DRIFTED)))
    document["flows"][0]["changes"][0]["other"] = 1
    with pytest.raises(ValidationError, match="'other' was unexpected"):
        validator(report_schema()).validate(document)


@pytest.mark.parametrize("text", ATTACKS)
def test_any_value_comes_back_as_it_was_and_nothing_of_it_acts_on_the_way(text: str) -> None:
    shown = render_json(hostile(text))

    assert shown.isascii()
    assert not any(ord(character) < 32 for character in shown.replace("\n", ""))
    flow = json.loads(shown)["flows"][0]
    assert flow["error"] == flow["changes"][0]["explanation"][0] == text
