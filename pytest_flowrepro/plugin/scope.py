"""The files that a run without paths collects: all flows of the project."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.discover.flows import suspect_no_flow
from pytest_flowrepro.support.errors import DiscoverError
from pytest_flowrepro.support.project_folders import project_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_flowrepro.discover.known import KnownFlows


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    tests: tuple[Path, ...]
    """Files and folders, absolute, in which the project's other tests are collected."""
    flows: frozenset[Path]
    """The files of the flows."""
    is_named: bool
    """True if the configuration names the flows: then pytest's own rules do not exclude them."""
    folders: frozenset[Path]
    """The folders above `flows` and `tests`."""

    @classmethod
    def from_paths(cls, tests: Iterable[Path], flows: Iterable[Path], *, is_named: bool) -> Scope:
        tests, flows = tuple(tests), frozenset(flows)
        folders = frozenset(folder for path in (*tests, *flows) for folder in path.parents)
        return cls(tests=tests, flows=flows, is_named=is_named, folders=folders)

    def has_tests(self, path: Path) -> bool:
        """Return whether the project's other tests are collected from a file or folder."""
        return any(path.is_relative_to(test) for test in self.tests)

    def ignores(self, path: Path, *, ignored: bool, is_final: bool = False) -> bool:
        """Return whether to skip a file or folder; `ignored` is the decision of pytest's rules.

        `is_final`: that decision also applies to flows that the configuration names.
        """
        if ignored:
            is_open = self._is_open(path) and not is_final
            return not (path in self.tests or self._leads_to_tests(path) or is_open)
        return not (self.has_tests(path) or path in self.folders or path in self.flows)

    def _leads_to_tests(self, path: Path) -> bool:
        return any(path in test.parents for test in self.tests)

    def _is_open(self, path: Path) -> bool:
        return self.is_named and (
            path in self.flows or any(path in flow.parents for flow in self.flows)
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "tests": [str(path) for path in self.tests],
            "flows": sorted(str(path) for path in self.flows),
            "is_named": self.is_named,
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Scope:
        tests, flows = ([Path(path) for path in fields[name]] for name in ("tests", "flows"))
        return cls.from_paths(tests, flows, is_named=fields["is_named"])


def flow_files(known: KnownFlows, *, is_wanted: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield the wanted files of a project that start a flow, seem to, or cannot be read."""
    for file in _python_files(known.root):
        if is_wanted(file):
            try:
                if known.find(file) or suspect_no_flow(file, root=known.root):
                    yield file
            except DiscoverError:
                yield file


def _python_files(root: Path) -> Iterator[Path]:
    """Yield each file once: by its own path where that is below `root`, else by a linked one."""
    seen: set[str] = set()
    pending = [root]
    for start in pending:
        for parent, folders, files in project_folders(start):
            real = os.path.realpath(parent)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            pending += (parent / name for name in sorted(folders) if (parent / name).is_symlink())
            yield from (parent / name for name in sorted(files) if name.endswith(".py"))
