"""Artifacts of real values, and files that hold them whole (docs/reference/values.md)."""

from __future__ import annotations

import json
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import pytest_flowrepro
from pytest_flowrepro.model import Artifact, Json

sys.path.append(str(Path(pytest_flowrepro.__file__).parent / "_in_venv"))
canonical: Any = import_module("_flowrepro_canonical")
arrays: Any = import_module("_flowrepro_arrays")
kinds: Any = import_module("_flowrepro_kinds")
readable: Any = import_module("_flowrepro_readable")


def artifact(value: object, room: int = 4_000) -> Artifact:
    """As a baseline shows it."""
    shown = json.loads(json.dumps(readable.readable(value, room)))
    name = kinds.type_name(type(value))
    return Artifact(name="a", type=name, digest=canonical.digest(value), value=shown)


def edited(value: Json, **fields: Any) -> Artifact:
    """A readable form that somebody wrote."""
    return Artifact(**{"name": "a", "type": "dict", "digest": "sha256:", "value": value, **fields})


def stored(value: object, folder: Path, name: str = "value") -> Artifact:
    """With a file that holds all of it."""
    file = folder / f"{name}.npz"
    shown = artifact(value)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        writer = _Writer(archive)
        archive.writestr("value.json", json.dumps(writer.node(value)))
    return Artifact(name="a", type=shown.type, digest=shown.digest, value=shown.value, stored=file)


class _Writer:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members = 0

    def node(self, value: Any) -> Json:
        if isinstance(value, dict):
            return {key: self.node(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)) and len(value) >= 1_000:
            for of, dtype in ((float, "<f8"), (int, "<i8")):
                if all(type(item) is of for item in value):
                    data = self._numbers(np.array(value, dtype=dtype))
                    kind = type(value).__name__
                    node: dict[str, Json] = {"type": kind, "of": of.__name__, "length": len(value)}
                    return {"$numbers": {**node, "digest": _short(value), "data": data}}
        if isinstance(value, np.ndarray):
            return {"$array": self._array(value)}
        if isinstance(value, pd.DataFrame):
            columns: list[Json] = [self._column(value.iloc[:, i]) for i in range(value.shape[1])]
            index = self._index(value.index)
            return {"$frame": {"shape": list(value.shape), "index": index, "columns": columns}}
        if isinstance(value, pd.Series):
            index = self._index(value.index)
            return {"$series": {**self._column(value), "length": len(value), "index": index}}
        return json.loads(json.dumps(readable.readable(value, 1 << 30)))  # type: ignore[no-any-return]

    def _array(self, value: Any) -> dict[str, Json]:
        node: dict[str, Json] = {"shape": list(value.shape), "digest": _short(value)}
        if value.dtype.names:
            fields: dict[str, Json] = {
                n: {"$array": self._array(value[n])} for n in value.dtype.names
            }
            return {"dtype": "structured", **node, "fields": fields}
        return {"dtype": str(value.dtype), **node, "data": self._elements(value)}

    def _index(self, index: Any) -> dict[str, Json]:
        columns: list[Json] = [
            {**self._column(pd.Series(level)), "name": index.names[i]}
            for i, level in enumerate(arrays.levels(index))
        ]
        return {"levels": columns} if len(columns) > 1 else columns[0]  # type: ignore[return-value]

    def _column(self, values: Any) -> dict[str, Json]:
        known = arrays.column(values)
        digest = canonical_column(values)
        node: dict[str, Json] = {"name": values.name, "dtype": str(values.dtype), "digest": digest}
        if known.categories is not None:
            categories = self._column(pd.Series(known.categories))
            codes = self._numbers(known.data)
            return {**node, "categories": {"codes": codes, "categories": categories}}
        node["data"] = self._elements(known.data, known.missing)
        if known.missing is not None and known.data.dtype.kind in "biuf":
            node["missing"] = self._numbers(known.missing)
        return node

    def _elements(self, value: Any, missing: Any = None) -> str:
        if value.dtype.kind in "biufc":
            return self._numbers(value)
        if value.dtype.kind in "mM":
            return self._numbers(value.astype("i8"))
        leaves = [
            None if missing is not None and missing[i] else readable.readable(item, 200)
            for i, item in enumerate(value.reshape(-1).tolist())
        ]
        self._members += 1
        self._archive.writestr(f"{self._members}.json", json.dumps(leaves))
        return str(self._members)

    def _numbers(self, value: Any) -> str:
        self._members += 1
        with self._archive.open(f"{self._members}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array(member, np.ascontiguousarray(value), allow_pickle=False)
        return str(self._members)


def canonical_column(values: Any) -> str:
    digest: str = canonical.column_digest(values)
    return digest.removeprefix("sha256:")[:16]


def _short(value: object) -> str:
    digest: str = canonical.digest(value)
    return digest.removeprefix("sha256:")[:16]
