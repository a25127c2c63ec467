from __future__ import annotations

from pathlib import Path

import pytest

from pytest_flowrepro.model import Shard, SplitFlow
from pytest_flowrepro.plugin.options import ShardOptions
from pytest_flowrepro.plugin.shards import shard_line

FLOWS = tuple(
    SplitFlow(file="flow.py", flow=f"F{n}Flow", case=None, shard=1 + n % 2) for n in range(5)
)


@pytest.mark.parametrize(
    ("times", "how"),
    [
        (None, "split evenly"),
        (Path("gone.json"), "split evenly: gone.json does not exist"),
        (Path("times.json"), "split by the times in times.json"),
    ],
)
def test_a_line_says_how_the_flows_were_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: Path | None, how: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("times.json").touch()
    line = shard_line(
        ShardOptions(number=2, count=2, times=times), Shard(number=2, count=2, flows=FLOWS)
    )
    assert line == f"shard 2 of 2: 2 of 5 flows, {how}"
