"""What the reader of a datastore may write, for the tests of what is made of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGEST = "sha256:" + "0" * 64
SCORE = {"name": "score", "type": "float", "digest": DIGEST, "value": 0.5, "opaque": False}
LOG = {
    "step": "start",
    "index": [],
    "ok": True,
    "attempts": 2,
    "written": ["/copy/plot.png"],
    "modules": ["pandas"],
    "sources": ["train.py"],
    "drawn": ["random 0f3a"],
    "signal": None,
    "stdout": "out",
    "stderr": "",
}
CARD = {"type": "blank", "id": "sums", "state": "rendered", "file": "/cards/1.html"}


def result(
    *,
    parameters: object = (),
    tasks: Sequence[object] = (),
    logs: Sequence[object] = (),
    encoders: object = {},
) -> str:
    lines: list[dict[str, object]] = [{"parameters": parameters}, {"encoders": encoders}]
    lines += [*({"task": one} for one in tasks), *({"log": one} for one in logs)]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def task(step: str, *index: int, artifacts: object = (), cards: object = ()) -> dict[str, object]:
    return {"step": step, "index": list(index), "artifacts": artifacts, "cards": cards}
