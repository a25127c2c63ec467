"""The serializers of artifacts: Metaflow's own pickle, or those of an extension.

Since 2.19.25 an extension of Metaflow may have its own serializers
(metaflow/datastore/artifacts/serializer.py). A serializer is code that may change while the blob
and its SHA stay. Runs in the flow's own interpreter: standard library and Metaflow
only, Python 3.8 syntax.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from typing import Any, Dict

Info = Dict[str, Any]
"""Metaflow's notes about one artifact: `size`, `type`, `encoding`, perhaps `serializer_info`."""

_PICKLES = frozenset(["pickle-v2", "pickle-v4", "gzip+pickle-v2", "gzip+pickle-v4"])
"""Encodings of Metaflow's own pickle serializer, older releases included."""

_OWN = "metaflow.plugins.datastores.serializers.pickle_serializer"
_REGISTRY = "metaflow.datastore.artifacts.serializer"
_STATUS = "metaflow.datastore.artifacts.diagnostic"
_PENDING = "pending_on_imports"
_ROUNDS = 10
"""Modules that one serializer may wait for, one after the other."""


def info_of(store: Any, name: str) -> Info:
    """Return Metaflow's notes about an artifact of a task datastore; empty without any."""
    notes = (vars(store).get("_info") or {}).get(name)
    return notes if isinstance(notes, dict) else {}


def encoding_of(info: Info) -> str:
    """Return the encoding; where none is noted, that of the oldest Metaflows (`load_artifacts`)."""
    return str(info.get("encoding", "gzip+pickle-v2"))


def is_pickle(info: Info) -> bool:
    """Return whether an artifact is in an encoding of Metaflow's own pickle serializer."""
    return encoding_of(info) in _PICKLES


def noted(info: Info) -> bytes:
    """Return everything that a deserializer is given besides the blob."""
    return json.dumps(info, sort_keys=True).encode("ascii")


def identity(sha: str, info: Info) -> str:
    """Return a text that identifies a stored value among those of a run.

    That is the SHA of a pickle. For the blob of another serializer, the notes count as well: with
    another shape or type there, one blob is another value.
    """
    if is_pickle(info):
        return sha
    return "%s-%s" % (sha, hashlib.sha256(noted(info)).hexdigest()[:16])


def has_others() -> bool:
    """Return whether any serializer but Metaflow's own pickle may read an artifact.

    None of their code is called. A registry that cannot be read counts as one that has others.
    """
    if _REGISTRY not in sys.modules:
        return False  # before 2.19.25
    try:
        if any(status["state"] == _PENDING for status in _status()):
            return True
        active = sys.modules[_REGISTRY].SerializerStore.get_ordered_serializers()
        return any(cls.__module__ != _OWN for cls in active)
    except Exception:  # noqa: BLE001  another release's registry
        return True


def activate() -> bool:
    """Import modules that serializers wait for; return whether that made any of them ready.

    Metaflow leaves a serializer out until its imports succeed: in a task the step's own code has
    imported them by the time that an artifact is written.
    """
    if _REGISTRY not in sys.modules:
        return False
    registry: Any = sys.modules[_REGISTRY]
    before = list(registry.SerializerStore.get_ordered_serializers())
    tried: set[str] = set()
    for _ in range(_ROUNDS):
        waiting = {
            name
            for status in _status()
            if status["state"] == _PENDING
            for name in status["awaiting_modules"]
        }
        if waiting <= tried:
            break
        for name in sorted(waiting - tried):
            tried.add(name)
            try:
                module = importlib.import_module(name)
            except Exception:  # noqa: BLE001, S112  it stays out, as in the flow
                continue
            # Metaflow's hook is not called for a module that was imported before.
            registry.SerializerStore._on_module_imported(name, module)  # noqa: SLF001
    return list(registry.SerializerStore.get_ordered_serializers()) != before


def _status() -> Any:
    return importlib.import_module(_STATUS).list_serializer_status()
