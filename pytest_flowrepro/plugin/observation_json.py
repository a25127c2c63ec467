"""An observation as JSON, in which the processes of a session share it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.baseline import decode_recording, encode_recording, stored_values
from pytest_flowrepro.model import Card, Cause, TaskLog
from pytest_flowrepro.pipeline import Observation
from pytest_flowrepro.plugin.json_arrays import change_from, with_tuples

if TYPE_CHECKING:
    from collections.abc import Mapping


def observation_to_json(observation: Observation) -> dict[str, Any]:
    return {
        "recording": encode_recording(observation.recording),
        "values": {name: str(file) for name, file in stored_values(observation.recording).items()},
        "logs": [asdict(log) for log in observation.logs],
        "failure": observation.failure,
        "timed_out": observation.timed_out,
        "output": observation.output,
        "seconds": observation.seconds,
        "notes": observation.notes,
        "ended": observation.ended,
        "details": observation.details,
        "recorded": observation.recorded,
        "changes": [asdict(change) for change in observation.changes],
        "causes": [asdict(cause) for cause in observation.causes],
        "cards": [asdict(card) for card in observation.cards],
    }


def observation_from_json(fields: Mapping[str, Any]) -> Observation:
    return Observation(
        recording=decode_recording(
            fields["recording"], stored=lambda name: Path(fields["values"][name])
        ),
        logs=tuple(TaskLog(**with_tuples(log)) for log in fields["logs"]),
        failure=fields["failure"],
        timed_out=fields["timed_out"],
        output=fields["output"],
        seconds=tuple((stage, spent) for stage, spent in fields["seconds"]),
        notes=tuple(fields["notes"]),
        ended=tuple(fields["ended"]),
        details=tuple(fields["details"]),
        recorded=fields["recorded"],
        changes=tuple(map(change_from, fields["changes"])),
        causes=tuple(Cause(**with_tuples(cause)) for cause in fields["causes"]),
        cards=tuple(Card(**with_tuples(card)) for card in fields["cards"]),
    )
