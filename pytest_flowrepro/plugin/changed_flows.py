"""The selection of the flows that something in the repository changed for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from pytest_flowrepro.pipeline import ChangedSince
    from pytest_flowrepro.plugin.collection import Collection
    from pytest_flowrepro.plugin.flow_check import FlowCheck
    from pytest_flowrepro.plugin.session import SessionState


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class ChangedFlows:
    """The hook that leaves out the flows for which nothing changed since a revision."""

    config: pytest.Config
    collection: Collection
    since: ChangedSince
    _is_affected: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def from_config(
        cls, config: pytest.Config, session: SessionState, collection: Collection
    ) -> ChangedFlows | None:
        """Return the selection by `--flow-repro-changed-since`; None without the option."""
        revision = config.option.flow_repro_changed_since
        if revision is None:
            return None
        from pytest_flowrepro.pipeline import ChangedSince, changes_since  # noqa: PLC0415  large

        try:
            changes = changes_since(revision, session.options.root)
        except FlowReproError as error:
            raise pytest.UsageError(f"--flow-repro-changed-since: {error}") from error
        return cls(config=config, collection=collection, since=ChangedSince(changes=changes))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        parts = [item for item in items if isinstance(item, PartItem)]
        left_out = [part for part in parts if not self._affected(part.flow_check)]
        if left_out:
            self.config.hook.pytest_deselected(items=left_out)
            gone = set(map(id, left_out))
            items[:] = [item for item in items if id(item) not in gone]
        self.collection.unchanged = len({id(part.flow_check) for part in left_out})

    def _affected(self, check: FlowCheck) -> bool:
        """Return whether a flow, or one that runs before it, is affected."""
        if id(check) not in self._is_affected:
            try:
                before = list(check.upstreams())
            except FlowReproError:  # its check says why
                self._is_affected[id(check)] = True
                return True
            self._is_affected[id(check)] = self.since.reason(check.job) is not None or any(
                map(self._affected, before)
            )
        return self._is_affected[id(check)]
