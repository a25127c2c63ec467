"""Run in an environment with the libraries: builds the values of tests/flows/types, or reads them.

    python types_probe.py build FOLDER
    python types_probe.py read FOLDER RESULT.json [reversed]

RESULT.json: name -> {"place": ..., PICKLE: {"type", "digest", "value", "opaque"}}, where PICKLE is
`0`, `1` (changed) or `same`.
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


def build(folder: Path) -> None:
    """FOLDER/values.pickle: name -> place, and the pickles of the value in each shape."""
    pickles: dict[str, dict[str, Any]] = {}
    for name, value in import_module("values").VALUES.items():
        shapes = {"0": value.build(0), "1": value.build(1)}
        if value.same is not None:
            shapes["same"] = value.same()
        dumped = {shape: pickle.dumps(one, 4) for shape, one in shapes.items()}
        pickles[name] = {"place": value.place, **dumped}
    (folder / "values.pickle").write_bytes(pickle.dumps(pickles))


def read(folder: Path, result: Path, *, backwards: bool) -> None:
    canonical: Any = import_module("_flowrepro_canonical")
    kinds: Any = import_module("_flowrepro_kinds")
    readable: Any = import_module("_flowrepro_readable")
    stored = pickle.loads((folder / "values.pickle").read_bytes())
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(stored, reverse=backwards):
        found[name] = {"place": stored[name].pop("place")}
        for shape in sorted(stored[name], reverse=backwards):
            value = pickle.loads(stored[name][shape])
            digest, opaque = canonical.digest(value)
            found[name][shape] = {
                "type": kinds.type_name(type(value)),
                "digest": digest,
                "value": readable.readable(value, ROOM),
                "opaque": opaque,
            }
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    job, place = sys.argv[1], Path(sys.argv[2])
    if job == "build":
        build(place)
    else:
        read(place, Path(sys.argv[3]), backwards="reversed" in sys.argv[4:])
