"""Every field of every file of a recorded baseline is changed, one at a time: none of them passes.

In process, on one recording of tests/flows/sealed: artifacts of 35 types, two environments, a
policy, parameters, a foreach and a stored value.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from conftest import FLOWS, record_once

from pytest_flowrepro.baseline import (
    ARTIFACTS,
    MANIFEST,
    flow_and_case,
    read_baseline,
    seal,
    store,
)
from pytest_flowrepro.baseline.files import decode_documents, parse_documents
from pytest_flowrepro.baseline.seal import is_seal
from pytest_flowrepro.diff import diff
from pytest_flowrepro.settings.settings import DEFAULT_GATES
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_flowrepro.model import Gate, Recording
    from pytest_flowrepro.support.strict_json import Json

_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
"""A key or a value in a JSON file."""
_WORD = re.compile(r"[^\s\\]+")
"""A thing in a lock or a seal."""


@pytest.fixture(scope="module")
def folder(session_folder: Path) -> Path:
    """The folder of the baseline."""
    made = session_folder / "recorded-sealed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANGUAGE", "en")  # which the flow passes through
        record_once(made, lambda part: shutil.copytree(FLOWS / "sealed", part, dirs_exist_ok=True))
    return made / "__flowrepro__" / "store" / "SealedFlow"


@pytest.fixture(scope="module")
def files(folder: Path) -> store._Files:
    return store._read_files(folder, "f", root=folder.parents[2])


def edits(name: str, text: str) -> Iterator[str]:
    """The text with one thing in it changed, one after the other."""
    things = _SCALAR if name.endswith(".json") else _WORD
    for thing in things.finditer(text):
        for other in others(thing.group()):
            yield text[: thing.start()] + other + text[thing.end() :]
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        before, after = "".join(lines[:number]), "".join(lines[number + 1 :])
        yield before + after
        yield before + line + line + after


def others(thing: str) -> tuple[str, ...]:
    match thing:
        case "true" | "false" | "null":
            return ("false" if thing == "true" else "true", "0")
        case _ if thing.startswith('"'):
            text = thing[1:-1]
            return (f'"{text}x"', f'"x{text}"')
        case _:
            return (f"{thing}1", f"1{thing}")


def first_difference(one: str, other: str) -> int:
    """The number of the first line that differs, from 1 on."""
    pairs = zip(one.splitlines(), other.splitlines(), strict=False)
    unlike = (number for number, (a, b) in enumerate(pairs, 1) if a != b)
    return next(unlike, min(one.count("\n"), other.count("\n")) + 1)


def test_an_edit_by_hand_of_anything_in_a_baseline_is_an_error_that_names_the_file(
    folder: Path, files: store._Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the thousand lines, all but one are as they were: the check of each is computed once.
    monkeypatch.setattr(seal, "_check", functools.cache(seal._check))
    assert not store._recording(files, folder, "f").merged
    tried: Counter[str] = Counter()
    for name, text in files.texts.items():
        for edited in edits(name, text):
            with pytest.raises(BaselineError) as caught:
                store._recording(replace_text(files, name, edited), folder, "f")
            said = caught.value.what
            assert said.startswith(f"f/{name}"), said
            if said.endswith("is not as it was recorded") and not is_seal(name):
                line = first_difference(text, edited)
                assert said == f"f/{name}: line {line} is not as it was recorded"
            tried[name] += 1
    for name in files.texts:
        texts = {other: text for other, text in files.texts.items() if other != name}
        with pytest.raises(BaselineError, match=f"^f(/{name}: is missing|: has no seal)"):
            store._recording(replace(files, texts=texts), folder, "f")
    for name, text in files.locks.items():
        for edited in edits(name, text):
            with pytest.raises(BaselineError, match=f"^{name}: is (not as it was recorded|empty)"):
                store._recording(replace(files, locks={**files.locks, name: edited}), folder, "f")
            tried[name] += 1
    assert tried.total() > 5_000, tried


def test_an_edit_of_any_part_of_a_stored_value_is_an_error_that_names_the_file(
    folder: Path, tmp_path: Path
) -> None:
    there = tmp_path / "__flowrepro__/store/SealedFlow"
    shutil.copytree(folder.parents[1], there.parents[1])
    (value,) = (there / "values").iterdir()
    recorded = value.read_bytes()
    for position in range(4, len(recorded), len(recorded) // 100):  # after the mark of a zip file
        damaged = bytearray(recorded)
        damaged[position] ^= 1
        value.write_bytes(damaged)
        with pytest.raises(BaselineError, match=rf"values/{value.name}: is not as it was recorded"):
            read_baseline(there, root=tmp_path)
    value.write_bytes(recorded)
    assert read_baseline(there, root=tmp_path) is not None


# --- what a check would say of a forged baseline whose seal was forged with it ----------

GATES: frozenset[Gate] = DEFAULT_GATES | {"code"}
"""The steps and decorators of a forged baseline are confirmed by the rerun, which is not made here;
a change of them is a change of code."""

WITHOUT_EFFECT = {
    "policy": 'a setting said twice, as ["code", "code"], is the same setting',
    "runs": "how many reruns the recording made, for the reader",
    "system": "the machine, which fails a check only with the gate `system`",
    "environments imported": "what the flow imports, for the reader",
    "environments steps": "which steps run there; a check takes them from the code",
    "environments packages via": "who requires a package, for the reader",
    "environments packages wheel": "its tags; another wheel has another record",
    "steps code": "a digest of what a step runs, which names causes: files are compared by theirs",
    "type": "for the reader: the digest has the type in it",
    "value": "for the reader: the digest decides, and under a tolerance both do",
    "structure": "a digest of what the value does not show: looked at where the digests differ",
    "stored": "whether a file has the full value: looked at where the digests differ",
    "determinism": "of what depends on the hash seed: compared all the same",
    "nondeterministic": "an artifact that differs from run to run is not compared",
}


def paths(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*path, key))
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from paths(item, (*path, position))


def test_a_forged_baseline_drifts_or_is_refused_except_for_informative_parts(
    folder: Path, files: store._Files
) -> None:
    observed = store._recording(files, folder, "f")
    passed: Counter[str] = Counter()
    tried = 0
    for name in (MANIFEST, ARTIFACTS):
        text = files.texts[name]
        for path in paths(json.loads(text)):
            for forged in forgeries(text, path):
                tried += 1
                if passes(observed, replace_text(files, name, json.dumps(forged)), folder):
                    passed[field(path)] += 1
    assert tried > 1_000
    assert set(passed) == set(WITHOUT_EFFECT), passed


def forgeries(text: str, path: tuple[str | int, ...]) -> Iterator[Any]:
    """The document of a file with another value at a place, and without the place."""
    if not path:
        return
    for change in (other_value, lambda _: None):
        forged = json.loads(text)
        holder = forged
        for step in path[:-1]:
            holder = holder[step]
        other = change(holder[path[-1]])
        if other is None:
            del holder[path[-1]]
        else:
            holder[path[-1]] = other
        yield forged


def other_value(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return [*value, *value[:1]] if value else ["x"]
    if isinstance(value, dict):
        return {**value, "x": next(iter(value.values()), "x")}
    if isinstance(value, str) and re.search(r"[0-9a-f]{40}$", value):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return f"{value}x"


def passes(observed: Recording, files: store._Files, folder: Path) -> bool:
    """Whether a check of unchanged code would say `reproduced`."""
    try:
        documents = parse_documents({**files.texts, **files.locks})
        store._check_owner(documents, flow_and_case(folder))
        baseline = decode_documents(documents, stored=lambda name: files.values[name])
        changes = diff(baseline, observed, gates=GATES)
    except BaselineError:
        return False
    return not any(change.gated for change in changes)


def replace_text(files: store._Files, name: str, text: str) -> store._Files:
    return replace(files, texts={**files.texts, name: text})


def field(path: tuple[str | int, ...]) -> str:
    """The kind of thing that a path leads to, without the names of packages, artifacts, ..."""
    match path:
        case (*_, "thrown") | (*_, "thrown", _) | ("steps", "join", "[]"):
            return "nondeterministic"
        case ("steps", int(_), "code"):
            return "steps code"
        case ("environments", _, "packages", _, what, *_):
            return f"environments packages {what}"
        case ("environments", _, what, *_):
            return f"environments {what}"
        case ("parameters", _, str(what), *_) | ("steps", str(_), str(_), str(_), str(what), *_):
            return what
    return str(path[0])
