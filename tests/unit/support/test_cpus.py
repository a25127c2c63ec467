from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.cpus import processors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("quota", "allowed"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 8), ("?", 8)],
)
def test_a_containers_quota_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, allowed: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    cgroup = tmp_path / "cpu.max"
    cgroup.write_text(quota, encoding="ascii")
    assert processors(cgroup) == allowed


def test_an_affinity_mask_counts_and_a_missing_quota_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert processors(tmp_path / "none") == 2
