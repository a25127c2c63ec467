"""The report for machines (docs/reference/json-report.md)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_flowrepro.model import (
        Card,
        Change,
        FlowReport,
        GraphStep,
        Report,
        RunInfo,
        Shard,
    )
    from pytest_flowrepro.support.strict_json import Json

SCHEMA = 1


def render_json(report: Report, /, *, details: bool = False) -> str:  # noqa: ARG001
    """Render one complete document in ASCII: control characters in values are escaped."""
    document: Json = {
        "schema": SCHEMA,
        "run": _run(report.run),
        "shard": None if report.shard is None else _shard(report.shard),
        "flows": [_flow(flow) for flow in report.flows],
        "obsolete": [asdict(baseline) for baseline in report.obsolete],
        "unused_patterns": list(report.unused_patterns),
        "uncollected": [asdict(uncollected) for uncollected in report.uncollected],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _run(run: RunInfo) -> Json:
    return {
        "command": run.command,
        "version": run.version,
        "date": run.date,
        "platform": run.platform,
        "python": run.python,
        "commit": run.commit,
        "branch": run.branch,
        "is_modified": run.is_modified,
        "folder": run.folder,
        "resolution": run.resolution,
        "selection": list(run.selection),
        "base": run.base,
        "head": run.head,
    }


def _shard(shard: Shard) -> Json:
    return {
        "number": shard.number,
        "count": shard.count,
        "flows": [asdict(flow) for flow in shard.flows],
        "obsolete": [asdict(baseline) for baseline in shard.obsolete],
        "unused_patterns": list(shard.unused_patterns),
        "strict": shard.strict,
    }


def _flow(report: FlowReport) -> Json:
    return {
        "file": report.file,
        "flow": report.flow,
        "case": report.case,
        "verdict": report.verdict,
        "recorded": report.recorded,
        "seconds": {stage: round(spent, 3) for stage, spent in report.seconds},
        "causes": [
            {"kind": cause.kind, "text": cause.text, "steps": list(cause.steps)}
            for cause in report.causes
        ],
        "changes": [_change(change) for change in report.changes],
        "nondeterministic": report.nondeterministic,
        "notes": list(report.notes),
        "error": report.error,
        "after": list(report.after),
        "selected": list(report.selected),
        "tests": report.tests,
        "graph": [_step(step) for step in report.graph],
        "cards": [_card(card) for card in report.cards],
    }


def _step(step: GraphStep) -> Json:
    return {"name": step.name, "type": step.type, "next": list(step.next), "state": step.state}


def _card(card: Card) -> Json:
    return {
        "step": card.step,
        "index": list(card.index),
        "type": card.type,
        "id": card.id,
        "state": card.state,
    }


def _change(change: Change) -> Json:
    return {
        "kind": change.kind,
        "change": change.change,
        "environment": change.environment,
        "step": change.step,
        "index": None if change.index is None else list(change.index),
        "name": change.name,
        "old": change.old,
        "new": change.new,
        "gated": change.gated,
        "explanation": list(change.explanation),
        "determinism": change.determinism,
        "within": change.within,
        "origin": change.origin,
        "cause": change.cause,
        "loaded": change.loaded,
        "tasks": None if change.tasks is None else list(change.tasks),
        "setting": change.setting,
        "weakens": change.weakens,
        "accepted_by": change.accepted_by,
        "declared": change.declared,
        "via": list(change.via),
        "link": change.link,
        "pictures": [asdict(picture) for picture in change.pictures],
    }
