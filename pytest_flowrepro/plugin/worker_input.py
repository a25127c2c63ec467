"""The values that the controller of a session passes to its xdist workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.plugin.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

_KEY = "flowrepro"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerInput:
    """The values by which every worker collects and checks the same as the controller."""

    root: Path
    """The project."""
    folder: Path
    """The folder of the session."""
    today: date
    is_part: bool
    scope: Scope | None

    def to_json(self) -> dict[str, Any]:
        return {
            "root": str(self.root),
            "folder": str(self.folder),
            "today": self.today.isoformat(),
            "is_part": self.is_part,
            "scope": None if self.scope is None else self.scope.to_json(),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> WorkerInput:
        scope = fields["scope"]
        return cls(
            root=Path(fields["root"]),
            folder=Path(fields["folder"]),
            today=date.fromisoformat(fields["today"]),
            is_part=fields["is_part"],
            scope=None if scope is None else Scope.from_json(scope),
        )


def pass_to_worker(node: Any, values: WorkerInput) -> None:
    """Add the values to the input of a worker (`node` of xdist's `pytest_configure_node`)."""
    node.workerinput[_KEY] = values.to_json()


def worker_input(config: pytest.Config) -> WorkerInput | None:
    """Return the values that the controller passed to this worker, None in another process."""
    return WorkerInput.from_json(config.workerinput[_KEY]) if is_worker(config) else None  # type: ignore[attr-defined]


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def worker_id(config: pytest.Config) -> str | None:
    """Return the name of this worker, `gw0`, and None in another process."""
    return config.workerinput["workerid"] if is_worker(config) else None  # type: ignore[attr-defined]


def is_first(config: pytest.Config) -> bool:
    """Return whether this process collects, and is the first one that does."""
    return worker_id(config) in {None, "gw0"}
