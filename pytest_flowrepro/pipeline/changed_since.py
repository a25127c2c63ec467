"""The flows whose verdict may differ because something in the repository changed.

A flow depends on its code package, on the declaration of its requirements, on its configuration
and on its baseline. Each changed path is compared with these. A path that might be part of one
counts, even if it turns out not to be: no flow that is affected is ever left out.
"""

from __future__ import annotations

import glob
import itertools
import os
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.baseline import baseline_folder, read_baseline
from pytest_flowrepro.package.code_package import default_suffixes, has_suffix
from pytest_flowrepro.pipeline.environments import declared
from pytest_flowrepro.settings.reader import read_settings
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.opened_files import opened_files
from pytest_flowrepro.support.project_folders import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.pipeline.repository_changes import RepositoryChanges
    from pytest_flowrepro.settings.settings import Settings

_PYPROJECT = "pyproject.toml"
_SCRIPT = b"# /// script"
"""The beginning of a declaration inside of a flow's file."""
_HOOKS = "conftest.py"
"""Its hooks may accept changes."""
_DECLARING = frozenset([".txt", ".in", ".toml", ".lock", ".cfg", ".yml", ".yaml"])
"""Suffixes of files that are searched for requirements."""
_NO_DECLARATION = frozenset(
    ["black", "coverage", "flake8", "isort", "mypy", "pylint", "pyright", "pytest", "ruff", "tox"]
)
"""Tables of `[tool]` that declare no requirement and no setting of this plugin."""


@dataclass(kw_only=True, slots=True)
class ChangedSince:
    """The flows that the changes of a repository may affect."""

    changes: RepositoryChanges
    _by_folder: dict[Path, frozenset[Path]] = field(default_factory=dict)
    _by_declaration: dict[tuple[object, ...], tuple[Path, ...]] = field(default_factory=dict)
    _settings: dict[Path, tuple[Settings | None, Settings | None]] = field(default_factory=dict)
    """The settings of a file in the commit and now; None if they are not valid."""

    def reason(self, job: Job) -> str | None:
        """Return the path, relative to the repository, that may affect a flow; None if none does.

        A flow whose requirements or baseline cannot be read is affected: its check says why.
        """
        path = next(self._affecting(job), None)
        return None if path is None else os.path.relpath(path, self.changes.top)

    def _affecting(self, job: Job) -> Iterator[Path]:
        if not self.changes.changed:
            return
        yield from sorted(self._code_below(_real(job.flow.file.parent)))
        yield from sorted(self._code_below(_real(job.flow.file).parent))
        yield from self._named(job)
        yield from self._declared(job)
        yield from self._configured(job)
        yield from self._recorded(job)

    # --- code -------------------------------------------------------------------------

    def _code_below(self, folder: Path) -> frozenset[Path]:
        """Return the changed files that Metaflow ships with a flow of this folder."""
        if folder not in self._by_folder:
            suffixes = default_suffixes(os.environ)
            self._by_folder[folder] = frozenset(
                path
                for path, names in self._below(folder)
                if path in self.changes.links or has_suffix(path.name, suffixes) or path.is_dir()
                if not any(name[0] == "." or name in NAMES for name in names[:-1])
            )
        return self._by_folder[folder]

    def _below(self, folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Yield the changed paths in a folder, also by links, and their parts below it."""
        for root in self._reached(folder):
            for path in self.changes.changed:
                if path == root or _is_inside(path, root):
                    yield path, path.relative_to(root).parts or (path.name,)
                elif _is_inside(root, path):  # a submodule, or a link in place of the folder
                    yield path, (path.name,)

    def _reached(self, folder: Path) -> set[Path]:
        """Return the folder and all that links in it, or in folders they lead to, lead to."""
        reached: set[Path] = set()
        pending = [folder]
        while pending:
            root = pending.pop()
            if root in reached:
                continue
            reached.add(root)
            for link, targets in self.changes.links.items():
                if _is_inside(link, root):
                    pending += targets
                elif link == root or _is_inside(root, link):
                    pending += (target / root.relative_to(link) for target in targets)
        return reached

    def _named(self, job: Job) -> Iterator[Path]:
        """Yield changed files that the configuration names."""
        folder, settings = job.flow.file.parent, job.settings
        values = (*settings.parameters.values(), *settings.configs.values())
        places = [job.cwd / value for value in values if isinstance(value, str) and value]
        places += [folder / _static(pattern) for pattern in settings.include]
        places += [job.root / settings.encoders] if settings.encoders else []
        for place in places:
            yield from (path for path, _ in self._below(Path(os.path.normpath(place))))

    # --- requirements -----------------------------------------------------------------

    def _declared(self, job: Job) -> tuple[Path, ...]:
        """Return changed files that declare requirements, and those of the project's packages.

        Flows of one folder have the same, unless their own files declare some (PEP 723).
        """
        settings = job.settings
        of_file = job.flow.file if _SCRIPT in job.flow.file.read_bytes() else None
        choice = settings.requirements, settings.extras, settings.groups, settings.conda_from_pypi
        key = (job.root, job.flow.file.parent, of_file, *choice)
        if key not in self._by_declaration:
            self._by_declaration[key] = tuple(self._declaring(job))
        return self._by_declaration[key]

    def _declaring(self, job: Job) -> Iterator[Path]:
        with opened_files() as opened:
            try:
                local = declared(job).local
            except FlowReproError:
                yield job.flow.file
                return
        for path in sorted(self.changes.changed.intersection(map(_real, opened))):
            if path.name != _PYPROJECT or self._declares_otherwise(path):
                yield path
        top = _real(job.root)
        folders = {folder for folder in _real(job.flow.file).parents if folder.is_relative_to(top)}
        for path in self.changes.changed:
            if path.parent in folders and (path.name == _HOOKS or _was_declaration(path)):
                yield path
        for package in local:
            for module in package.modules:
                yield from (path for path, _ in self._below(_real(job.root / module)))
            for path, _ in self._below(_real(job.root / package.path)):
                if not os.path.lexists(path):
                    yield path

    def _declares_otherwise(self, file: Path) -> bool:
        """Return whether more than the tables of other tools differs."""
        old = self.changes.old_bytes(file)
        try:
            return old is None or _tables(old) != _tables(file.read_bytes())
        except (OSError, ValueError):
            return True

    # --- configuration and baseline ---------------------------------------------------

    def _configured(self, job: Job) -> Iterator[Path]:
        file = _real(job.root) / _PYPROJECT
        if file in self.changes.changed and not self._is_configured_alike(job, file):
            yield file

    def _is_configured_alike(self, job: Job, file: Path) -> bool:
        if file not in self._settings:
            content = file.read_bytes() if file.exists() else None
            self._settings[file] = _settings(self.changes.old_bytes(file)), _settings(content)
        old, now = self._settings[file]
        if old is None or now is None:
            return False
        try:
            return old.for_flow(job.flow.name, job.case) == now.for_flow(job.flow.name, job.case)
        except KeyError:  # a case that is new or gone
            return False

    def _recorded(self, job: Job) -> Iterator[Path]:
        """Yield changed files of the baseline, of its locks, and of the code that it lists."""
        folder = baseline_folder(job.flow.file, job.flow.name, job.case)
        real = _real(folder)
        yield from sorted(path for path in self.changes.changed if _is_inside(path, real))
        if not folder.exists():
            return
        with opened_files() as opened:
            try:
                baseline = read_baseline(folder, root=job.root)
            except FlowReproError:
                yield job.flow.file
                return
        code = () if baseline is None else baseline.code
        places = (*opened, *(job.flow.file.parent / file.path for file in code))
        yield from sorted(self.changes.changed.intersection(map(_real, places)))


def _was_declaration(path: Path) -> bool:
    """Return whether a file that is gone may have been the one that declared requirements."""
    declares = path.suffix in _DECLARING or path.name in {"setup.py", ".python-version"}
    return declares and not os.path.lexists(path)


def _is_inside(path: Path, folder: Path) -> bool:
    return str(path).startswith(f"{folder}{os.sep}")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _static(pattern: str) -> str:
    """Return the part of a glob before the first magic character, in whole folders."""
    parts = itertools.takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts)
    return str(Path(*parts))


def _tables(content: bytes) -> dict[str, Any]:
    """Return what of a pyproject.toml may declare requirements."""
    document = tomllib.loads(content.decode("utf-8-sig"))
    tools = document.get("tool", {})
    kept = {name: tools[name] for name in tools if name not in _NO_DECLARATION}
    return {**document, "tool": {**kept, "flowrepro": None}}  # which is compared flow by flow


def _settings(content: bytes | None) -> Settings | None:
    """Return the settings in a pyproject.toml, None if they are not valid."""
    with tempfile.TemporaryDirectory(prefix="flowrepro-") as folder:
        if content is not None:
            (Path(folder) / _PYPROJECT).write_bytes(content)
        try:
            return read_settings(Path(folder))
        except FlowReproError:
            return None
