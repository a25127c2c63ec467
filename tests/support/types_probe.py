"""Run in an environment with the libraries: builds the values of tests/flows/types, or reads them.

    python types_probe.py build STORED
    python types_probe.py read STORED RESULT.json {forwards,backwards}

STORED: name -> {"place": what an explanation of the change names, SHAPE: pickle}, where SHAPE is
`0`, `1` (one leaf changed) or `same` (as `0`, laid out in another way).
RESULT.json: the same, with {"type", "digest", "value"} in place of each pickle.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

ROOM = 4_000


def build(stored: Path) -> None:
    pickles: dict[str, dict[str, Any]] = {}
    for name, value in import_module("values").VALUES.items():
        shapes = {"0": value.build(0), "1": value.build(1)}
        if value.same is not None:
            shapes["same"] = value.same()
        dumped = {shape: pickle.dumps(one, 4) for shape, one in shapes.items()}
        pickles[name] = {"place": value.place, **dumped}
    stored.write_bytes(pickle.dumps(pickles))


def read(stored: Path, result: Path, *, backwards: bool) -> None:
    canonical: Any = import_module("_flowrepro.canonical.encoder")
    kinds: Any = import_module("_flowrepro.kinds")
    readable: Any = import_module("_flowrepro.readable.form")
    pickles = pickle.loads(stored.read_bytes())
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(pickles, reverse=backwards):
        found[name] = {"place": pickles[name].pop("place")}
        for shape in sorted(pickles[name], reverse=backwards):
            value = pickle.loads(pickles[name][shape])
            found[name][shape] = {
                "type": kinds.type_name(type(value)),
                "digest": canonical.digest(value),
                "value": readable.readable(value, ROOM),
            }
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    job, file = sys.argv[1], Path(sys.argv[2])
    if job == "build":
        build(file)
    else:
        read(file, Path(sys.argv[3]), backwards=sys.argv[4] == "backwards")
