"""The folder of a session, in which its processes share the observation of each flow.

The first one that needs an observation makes it, under a lock; its outcome, a result or an error,
is stored as JSON, and the others read it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pytest_flowrepro.model import Shard, SplitFlow
from pytest_flowrepro.plugin.internal_error import internal_error
from pytest_flowrepro.plugin.results import PartId
from pytest_flowrepro.support.errors import FlowReproError, error_from_json, error_to_json
from pytest_flowrepro.support.made_once import made_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """The collection of one xdist worker."""

    parts: tuple[PartId, ...]
    """The selected tests."""
    files: int
    """The number of files with flows."""
    deselected: int = 0
    """The number of tests that options left out."""
    unchanged: int = 0
    """The number of flows that were left out because nothing changed for them."""
    shard: Shard | None = None
    """The split of the flows; None if the session checks all that it selects."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Collected:
        parts = tuple(PartId.from_json(part) for part in fields["parts"])
        shard = fields["shard"] and _shard_from_json(fields["shard"])
        return cls(**{**fields, "parts": parts, "shard": shard})


@dataclass(slots=True, eq=False)
class SessionFolder:
    """A folder that all the processes of one pytest session share.

    Each process remembers the results that it read there.
    """

    path: Path
    _seen: dict[str, Any] = field(default_factory=dict)

    @property
    def environments(self) -> Path:
        return self.path / "environments"

    @property
    def resolutions(self) -> Path:
        return self.path / "resolutions"

    @property
    def temporary(self) -> Path:
        """The folder of the reruns' TMPDIRs; a short name, because paths in it are limited."""
        return self.path / "t"

    def flow_folder(self, file: Path, flow: str, case: str | None = None) -> Path:
        """Return the folder of one case of a flow, without creating it."""
        readable = "".join(c if c.isalnum() or c in "-_" else "-" for c in flow)
        key = "\0".join((str(file), case or "", flow))
        digest = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()
        return self.path / "flows" / f"{readable[:60]}-{digest[:12]}"

    def leave_collection(self, worker: str, collected: Collected) -> None:
        """Store the collection of an xdist worker."""
        folder = self.path / "collected"
        folder.mkdir(exist_ok=True)
        _write(folder / f"{worker}.json", collected.to_json())

    def collected(self) -> list[Collected]:
        """Return the collections of the workers; each worker collects everything."""
        files = sorted((self.path / "collected").glob("*.json"))
        return [Collected.from_json(json.loads(file.read_text(encoding="utf-8"))) for file in files]

    def once(
        self,
        folder: Path,
        name: str,
        make: Callable[[], T],
        *,
        encode: Callable[[T], Any],
        decode: Callable[[Any], T],
    ) -> T:
        """Return the result of `make`, or raise its error.

        Only the first process of the session that asks for it runs `make`.
        """
        key = f"{folder.name}/{name}"
        if key not in self._seen:
            stored = made_once(folder / f"{name}.json", lambda: _outcome(make, encode))
            # Decoded once for all tests of a flow.
            self._seen[key] = (
                error_from_json(stored["error"]) if "error" in stored else decode(stored["result"])
            )
        result = self._seen[key]
        if isinstance(result, FlowReproError):
            raise result
        return cast("T", result)


def _shard_from_json(fields: Mapping[str, Any]) -> Shard:
    flows = tuple(SplitFlow(**flow) for flow in fields["flows"])
    return Shard(number=fields["number"], count=fields["count"], flows=flows)


def _outcome(make: Callable[[], T], encode: Callable[[T], Any]) -> dict[str, Any]:
    try:
        try:
            return {"result": encode(make())}
        except FlowReproError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise  # the outcome could not be written
            raise internal_error(error, doing="observing a flow") from error
    except FlowReproError as error:
        return {"error": error_to_json(error)}


def _write(path: Path, outcome: dict[str, Any]) -> None:
    # Renamed into place: a process that is killed here leaves nothing that another would read.
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(outcome), encoding="utf-8")
    part.replace(path)
