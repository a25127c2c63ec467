"""`--flow-repro-shard K/N`: a session checks one of N parts of the flows that it selects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import Shard, SplitFlow, flow_title
from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.split import split_chains
from pytest_flowrepro.report.json_reader import read_report
from pytest_flowrepro.report.text import title
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from pytest_flowrepro.plugin.options import ShardOptions
    from pytest_flowrepro.settings.settings import Settings

FlowKey = tuple[str, str, str | None]
"""File, name and case of a flow."""


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class Sharding:
    """The hook that leaves out the flows of other shards."""

    config: pytest.Config
    options: ShardOptions
    settings: Settings
    shard: Shard | None = None
    """None until this process has collected."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Leave out the flows of other shards, after all plugins have selected."""
        yield
        parts = [item for item in items if isinstance(item, PartItem)]
        self.shard = self._split({part.identity.flow_key: part for part in parts})
        own = {
            (flow.file, flow.flow, flow.case)
            for flow in self.shard.flows
            if flow.shard == self.shard.number
        }
        others = [part for part in parts if part.identity.flow_key not in own]
        if others:
            left_out = set(others)
            items[:] = [item for item in items if item not in left_out]
            self.config.hook.pytest_deselected(items=others)

    def _split(self, flows: Mapping[FlowKey, PartItem]) -> Shard:
        links = (link for key, part in flows.items() for link in self._links(key, part))
        weights = _weights(map(_title, flows), self._seconds())
        shard_of = split_chains(weights, links, self.options.count)
        return Shard(
            number=self.options.number,
            count=self.options.count,
            flows=tuple(
                SplitFlow(file=file, flow=flow, case=case, shard=shard_of[_title(key)])
                for key in sorted(flows, key=lambda key: (key[0], key[1], key[2] or ""))
                for file, flow, case in (key,)
            ),
        )

    def _links(self, key: FlowKey, part: PartItem) -> Iterator[tuple[str, str]]:
        """Yield a flow with each flow that it runs after, which runs without a case."""
        if part.job.case is None:
            yield _title(key), part.job.flow.name
        pending = [(_title(key), name) for name in part.job.settings.after]
        seen = set()
        for link in pending:
            if link not in seen:
                seen.add(link)
                yield link
                name = link[1]
                pending += ((name, other) for other in self.settings.for_flow(name).after)

    def _seconds(self) -> dict[str, float]:
        """Return the seconds that flows took in an earlier session; empty if none is known."""
        times = self.options.times
        if times is None or not times.exists():
            return {}
        try:
            flows = read_report(times).flows
        except FlowReproError as error:
            raise pytest.UsageError(f"--flow-repro-shard-times: {error}") from error
        # A flow that failed may have ended early.
        return {
            title(flow): math.fsum(spent for _, spent in flow.seconds)
            for flow in flows
            if flow.seconds and flow.verdict != "error"
        }


def shard_line(options: ShardOptions, shard: Shard) -> str:
    """Return `shard 2 of 3: 13 of 40 flows, split evenly`."""
    own = sum(flow.shard == shard.number for flow in shard.flows)
    how = "split evenly"
    if options.times is not None:
        known = options.times.exists()
        how = (
            f"split by the times in {options.times}"
            if known
            else (f"split evenly: {options.times} does not exist")
        )
    flows = counted(len(shard.flows), "flow")
    return f"shard {shard.number} of {shard.count}: {own:,} of {flows}, {how}"


def _title(key: FlowKey) -> str:
    file, flow, case = key
    return f"{file}::{flow_title(flow, case)}"


def _weights(names: Iterable[str], seconds: Mapping[str, float]) -> dict[str, int]:
    """Return milliseconds by name; a flow whose time is not known is expected to take the mean."""
    names = tuple(names)
    known = [seconds[name] for name in names if name in seconds]
    mean = math.fsum(known) / len(known) if known else 1.0
    return {name: max(1, round(1000 * seconds.get(name, mean))) for name in names}
