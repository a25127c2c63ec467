"""The flows of files that an earlier session has read.

Parsing thousands of files takes seconds. The flows of a file follow from its text, and from the
modules of the project that its names were looked up in. So they are kept with the digests of all
these, and a file is parsed again if one of them differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.discover import flows, names
from pytest_flowrepro.discover.flows import flows_in, may_start_flow
from pytest_flowrepro.discover.names import Names, path_state, text_digest
from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.support.cache import mark_used, user_cache, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class KnownFlows:
    """The flows of the files of one project; `find` returns what `find_flows` does."""

    root: Path
    """The project."""
    file: Path | None = None
    """The file that keeps them between sessions, if any."""
    _read: dict[str, Any] = field(default_factory=dict)
    """Path -> digest of the text, folder of the imports, states of the paths looked at, flows."""
    _states: dict[str, str] = field(default_factory=dict)
    """The states of paths in this session, in which they are not expected to change."""
    _is_changed: bool = False

    @classmethod
    def of_project(cls, root: Path) -> KnownFlows:
        """Return what earlier sessions have read; nothing if that cannot be read itself."""
        folder = user_cache("flows")
        if folder is None:
            return cls(root)
        file = folder / f"{_rules()}-{text_digest(os.fsencode(root))}.json"
        mark_used(file)
        try:
            read = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            read = None
        return cls(root, file, read if isinstance(read, dict) else {})

    def find(self, file: Path) -> tuple[FlowSource, ...]:
        """Return the flows that a file starts; raise `DiscoverError` as `find_flows` does."""
        file = Path(os.path.abspath(file))  # noqa: PTH100  resolve() would follow symlinks
        reader = Names(root=self.root, file=file)
        source = reader.read(file)
        if not may_start_flow(source):
            return ()
        digest = text_digest(source)
        known = self._known(file, digest)
        if known is not None:
            return known
        read = flows_in(file, source, reader)
        if reader.looked_at is not None:
            self._read[str(file)] = {
                "text": digest,
                "from": str(reader.folder) if reader.looked_at else "",
                "looked_at": reader.looked_at,
                "flows": [[flow.name, flow.lineno, *flow.steps] for flow in read],
            }
            self._is_changed = True
        return read

    def keep(self) -> None:
        """Keep what was read for later sessions, if that is possible."""
        if self.file is not None and self._is_changed:
            read = {file: known for file, known in self._read.items() if os.path.exists(file)}  # noqa: PTH110
            write_file(self.file, json.dumps(read).encode())
            self._is_changed = False

    def _known(self, file: Path, digest: str) -> tuple[FlowSource, ...] | None:
        """Return the flows of a file that has not changed; None for any other."""
        known = self._read.get(str(file))
        try:
            if known is None or known["text"] != digest or not self._is_same(file, known):
                return None
            return tuple(
                FlowSource(file=file, name=name, lineno=lineno, steps=tuple(steps))
                for name, lineno, *steps in known["flows"]
            )
        except (TypeError, ValueError, AttributeError, KeyError):  # edited by hand
            return None

    def _is_same(self, file: Path, known: Mapping[str, Any]) -> bool:
        """Return whether the names that a file imports are looked up in the same texts as then."""
        looked_at = known["looked_at"]
        if not looked_at:
            return True
        is_moved = known["from"] != os.path.dirname(os.path.realpath(file))  # noqa: PTH120
        return not is_moved and all(self._state(path) == state for path, state in looked_at.items())

    def _state(self, path: str) -> str:
        if path not in self._states:
            self._states[path] = path_state(path)
        return self._states[path]


def _rules() -> str:
    """Return a digest of the code that reads flows: its answers are not those of other code."""
    digest = hashlib.blake2b(f"{sys.version_info[:2]}".encode(), digest_size=8)
    for module in (flows, names, sys.modules[__name__]):
        assert module.__file__ is not None
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()
