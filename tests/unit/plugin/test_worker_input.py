from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_flowrepro.plugin.scope import Scope
from pytest_flowrepro.plugin.worker_input import (
    WorkerInput,
    is_first,
    is_worker,
    pass_to_worker,
    worker_id,
    worker_input,
)

ROOT = Path("/project")


def config(**values: Any) -> pytest.Config:
    return cast("pytest.Config", SimpleNamespace(**values))


@pytest.mark.parametrize(
    "scope", [None, Scope.from_paths([ROOT / "tests"], [ROOT / "flows/a.py"], is_named=True)]
)
def test_a_worker_has_the_values_of_the_controller(scope: Scope | None) -> None:
    values = WorkerInput(
        root=ROOT,
        folder=Path("/tmp/flowrepro-1"),
        today=date(2026, 3, 1),
        is_part=scope is None,
        scope=scope,
    )
    node = SimpleNamespace(workerinput={"workerid": "gw1"})
    pass_to_worker(node, values)
    sent = json.loads(json.dumps(node.workerinput))
    assert worker_input(config(workerinput=sent)) == values


def test_other_processes_have_none() -> None:
    assert worker_input(config()) is None


@pytest.mark.parametrize(
    ("values", "worker", "first"),
    [
        ({}, None, True),
        ({"workerinput": {"workerid": "gw0"}}, "gw0", True),
        ({"workerinput": {"workerid": "gw1"}}, "gw1", False),
    ],
)
def test_one_process_is_the_first(
    values: dict[str, Any], worker: str | None, *, first: bool
) -> None:
    assert worker_id(config(**values)) == worker
    assert is_worker(config(**values)) == (worker is not None)
    assert is_first(config(**values)) == first
