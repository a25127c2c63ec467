"""Run in an environment with the libraries: reads the values of tests/flows/numbers.

    python tolerance_probe.py RESULT.json FOLDER

RESULT.json: {"numbers": {NAME: {"place": what an explanation names, "base": ARTIFACT, "below":
ARTIFACT, "above": ARTIFACT}}, "exact": {NAME: {"old": ARTIFACT, "new": ARTIFACT}}}, where an
ARTIFACT is {"type", "digest", "value", "structure", "stored"}, the last one the name of a file in
FOLDER or null. `below` is within 1% of `base`, `above` is not. The two of `exact` differ in what no
tolerance is about, by 1 wherever that can be.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

ROOM = 4_000


class Prober:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._canonical: Any = import_module("_flowrepro.canonical.encoder")
        self._kinds: Any = import_module("_flowrepro.kinds")
        self._readable: Any = import_module("_flowrepro.readable.form")
        self._stored: Any = import_module("_flowrepro.readable.full_values")
        self._structure: Any = import_module("_flowrepro.canonical.structure")

    def __call__(self, value: Any) -> dict[str, Any]:
        digest = self._canonical.digest(value)
        shown = self._readable.readable(value, ROOM, digest=digest)
        stored = None
        if not self._stored.is_whole(shown):
            stored = digest[7:23] + ".npz"
            assert self._stored.store(value, str(self._folder / stored), 1 << 30)
        return {
            "type": self._kinds.type_name(type(value)),
            "digest": digest,
            "value": shown,
            "structure": self._structure.structure(value),
            "stored": stored,
        }


def main(result: Path, folder: Path) -> None:
    probe = Prober(folder)
    everywhere: Any = import_module("everywhere")
    found: dict[str, Any] = {"numbers": {}, "exact": {}}
    for name, (build, place) in everywhere.numbers().items():
        sides = {level: probe(build(level)) for level in ("base", "below", "above")}
        found["numbers"][name] = {"place": place, **sides}
    for name, (old, new) in everywhere.EXACT.items():
        found["exact"][name] = {"old": probe(old), "new": probe(new)}
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
