"""Artifacts of real values, and files that hold them whole (docs/reference/values.md)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from _flowrepro import kinds
from _flowrepro.canonical import encoder as canonical
from _flowrepro.canonical import structure as structures
from _flowrepro.readable import form as readable
from _flowrepro.readable import full_values as store
from pytest_flowrepro.model import Artifact

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.support.strict_json import Json


def artifact(value: object, room: int = 4_000) -> Artifact:
    """As a baseline shows it."""
    shown = json.loads(json.dumps(readable.readable(value, room)))
    name = kinds.type_name(type(value))
    return Artifact(
        name="a",
        type=name,
        digest=canonical.digest(value),
        value=shown,
        structure=structures.structure(value),
    )


def edited(value: Json, **fields: Any) -> Artifact:
    """A readable form that somebody wrote."""
    return Artifact(**{"name": "a", "type": "dict", "digest": "sha256:", "value": value, **fields})


def stored(value: object, folder: Path, name: str = "value") -> Artifact:
    """With a file that holds all of it, of no more than a gigabyte."""
    file = folder / f"{name}.npz"
    assert store.store(value, str(file), 1 << 30)
    return replace(artifact(value), stored=file)
