from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from _flowrepro import load as loading
from _flowrepro import serializers

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


REGISTRY = "metaflow.datastore.artifacts.serializer"
STATUS = "metaflow.datastore.artifacts.diagnostic"
PICKLE = type("P", (), {"__module__": "metaflow.plugins.datastores.serializers.pickle_serializer"})
OWN = type("Own", (), {"__module__": "metaflow_extensions.pantry.plugins.shelves"})


def registry(monkeypatch: pytest.MonkeyPatch, *active: type, **waiting: str) -> None:
    """Put a registry like Metaflow's into place; `waiting`: name -> module that it waits for."""
    records = [
        {"name": name, "state": "pending_on_imports", "awaiting_modules": [module]}
        for name, module in waiting.items()
    ]
    ready = list(active)

    def imported(name: str, module: ModuleType) -> None:  # noqa: ARG001  Metaflow's signature
        for record in [one for one in records if one["awaiting_modules"] == [name]]:
            records.remove(record)
            ready.append(OWN)

    store = SimpleNamespace(get_ordered_serializers=lambda: [*ready], _on_module_imported=imported)
    found = SimpleNamespace(SerializerStore=store)
    monkeypatch.setitem(sys.modules, REGISTRY, found)
    status = SimpleNamespace(list_serializer_status=lambda: records)
    monkeypatch.setitem(sys.modules, STATUS, status)


def test_a_pickle_is_known_by_its_sha_and_anything_else_by_its_notes_as_well() -> None:
    for encoding in ("pickle-v4", "gzip+pickle-v2"):
        assert serializers.identity("aa", {"encoding": encoding, "size": 3}) == "aa"
    assert serializers.identity("aa", {}) == "aa"
    crate = {"encoding": "crate-v1", "serializer_info": {"shape": [2, 3]}}
    noted = [crate, {**crate, "encoding": "v2"}, {**crate, "serializer_info": {"shape": [3, 2]}}]
    assert len({"aa", *(serializers.identity("aa", info) for info in noted)}) == 4
    assert serializers.identity("aa", dict(reversed(crate.items()))) == serializers.identity(
        "aa", crate
    )


def test_pickles_settle_nothing_where_other_serializers_may_read_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert loading.pickles_settle({})  # a Metaflow without a registry
    registry(monkeypatch, PICKLE)
    assert loading.pickles_settle({})
    assert not loading.pickles_settle({"encoders": "encoders.py"})
    registry(monkeypatch, PICKLE, OWN)
    assert not loading.pickles_settle({})
    registry(monkeypatch, PICKLE, crate="jars")
    assert not loading.pickles_settle({})
    monkeypatch.setitem(sys.modules, REGISTRY, SimpleNamespace())  # of a release to come
    assert not loading.pickles_settle({})


def test_what_serializers_wait_for_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not serializers.activate()
    (tmp_path / "jars_to_wait_for.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    registry(monkeypatch, PICKLE, gone="no_such_module_anywhere")
    assert not serializers.activate()
    registry(monkeypatch, PICKLE, gone="no_such_module_anywhere", crate="jars_to_wait_for")
    assert serializers.activate()
    assert not serializers.activate()


def test_blobs_that_cannot_be_read_differ_where_their_notes_do() -> None:
    def opaque(info: dict[str, Any]) -> Any:
        store = SimpleNamespace(_info={"crate": info}, _objects={"crate": "aa"}, _ca_store=None)
        return loading.by_bytes(loading.Stored("aa-1", "crate", store), "cannot be read")

    one = opaque({"encoding": "crate-v1", "type": "jars.Crate", "serializer_info": {"n": 1}})
    other = opaque({"encoding": "crate-v1", "type": "jars.Crate", "serializer_info": {"n": 2}})
    assert one["type"] == "jars.Crate"
    assert one["digest"] != other["digest"]
    assert opaque({"type": "<class 'jars.<locals>.Jar'>"})["type"] == "jars.<locals>.Jar"
    assert opaque({"encoding": "v1", "type": 3})["type"] == "3"
    assert opaque({"encoding": "v1", "type": "\x1b[1m a type"})["type"] == "object"


def test_a_reader_that_is_missing_is_distinguished_from_one_that_fails() -> None:
    store = SimpleNamespace(_info={"crate": {"encoding": "crate-v1"}, "plain": {}})
    crate, plain = (loading.Stored("aa", name, store) for name in ("crate", "plain"))
    missing = RuntimeError("No deserializer claimed artifact 'crate' (encoding: crate-v1)")
    assert loading.why_unread(crate, missing) == (
        "cannot be read: no serializer in this environment reads the encoding crate-v1"
    )
    assert loading.why_unread(crate, ValueError("cut off")) == (
        "cannot be read by the serializer of the encoding crate-v1: ValueError: cut off"
    )
    assert (
        loading.why_unread(plain, ValueError("cut off"))
        == "cannot be unpickled: ValueError: cut off"
    )
