"""The imports of a flow's own code, compared with the declared requirements.

Two observations are combined: the import statements in the source of the files that a task loaded,
and the modules that the task really loaded. Neither is sufficient alone: a statement may never run,
and a loaded module may have been imported by Metaflow or a library.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_flowrepro.discover.imports import Import, find_imports
from pytest_flowrepro.environment import Provided, provided_by
from pytest_flowrepro.model import CondaLock
from pytest_flowrepro.package.code_package import read_files
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, KeysView, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import (
        CodePackage,
        Environment,
        FlowEnvironments,
        Package,
        TaskLog,
    )

_PINNED = frozenset({"metaflow", "requests"})
"""Requirements of every step environment, besides those that the step declares
(environment/steps.py)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    environments: tuple[Environment, ...]
    """The environments of the flow, with the distributions that its code imports there."""
    undeclared: tuple[str, ...]
    """Sentences for modules that are imported without being declared."""
    unused: tuple[str, ...]
    """A sentence for declared packages that were never imported, if any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loaded:
    """The modules that all tasks of one step loaded."""

    modules: frozenset[str]
    sources: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Use:
    """One import statement that ran."""

    step: str
    module: str
    """The part of its name that was loaded."""
    distributions: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """An environment in which steps ran."""

    environment: Environment
    provided: Provided
    steps: Mapping[str, _Loaded]

    @property
    def declared(self) -> frozenset[str]:
        return frozenset(package.name for package in self.environment.packages if not package.via)

    @property
    def by_the_flow(self) -> frozenset[str]:
        return self.declared - (_PINNED if self.environment.steps else {"metaflow"})

    def uses(self, imports: Mapping[str, tuple[Import, ...]]) -> Iterator[_Use]:
        for step, loaded in self.steps.items():
            for path in sorted(loaded.sources):
                for statement in imports.get(path, ()):
                    module = next(
                        (m for m in _prefixes(statement.name) if m in loaded.modules), None
                    )
                    if module is not None and statement.step in {None, step}:
                        names = self.provided.providers(statement.name) - {"metaflow"}
                        yield _Use(step=step, module=module, distributions=names)


def imported(
    package: CodePackage, environments: FlowEnvironments, logs: Iterable[TaskLog]
) -> Imported:
    """Return the imports of the steps whose tasks left `logs`."""
    steps = _by_step(logs)
    sources = frozenset[str]().union(*(loaded.sources for loaded in steps.values()))
    # A flow may also write a module and load it: the package does not contain that one.
    imports = {path: find_imports(text) for path, text in read_files(package, sources)}
    used = []
    judged: list[tuple[_Place, tuple[_Use, ...]]] = []
    for place in _places(environments, steps):
        uses = tuple(place.uses(imports))
        names = frozenset[str]().union(*(use.distributions for use in uses))
        used.append(replace(place.environment, imported=tuple(sorted(names))))
        if place.steps and place.by_the_flow:
            judged.append((place, uses))
    everything = itertools.chain.from_iterable(imports.values())
    return Imported(
        environments=tuple(used),
        undeclared=tuple(_undeclared(judged, all_steps=steps.keys())),
        unused=tuple(_unused([place for place, _ in judged], everything)),
    )


def _by_step(logs: Iterable[TaskLog]) -> dict[str, _Loaded]:
    by_step: dict[str, tuple[set[str], set[str]]] = {}
    for log in logs:
        modules, sources = by_step.setdefault(log.step, (set(), set()))
        modules.update(log.modules)
        sources.update(log.sources)
    return {
        step: _Loaded(modules=frozenset(modules), sources=frozenset(sources))
        for step, (modules, sources) in by_step.items()
    }


def _places(environments: FlowEnvironments, steps: Mapping[str, _Loaded]) -> Iterator[_Place]:
    for built in environments.all:
        # Not checked: conda's names are not those of the distributions.
        of_conda = isinstance(built.manifest.lock, CondaLock)
        steps_here = [step for step in steps if environments.of(step) is built and not of_conda]
        yield _Place(
            environment=built.manifest,
            provided=_provided(built.path, built.manifest.packages),
            steps={step: steps[step] for step in steps_here},
        )


@lru_cache(maxsize=256)
def _provided(place: Path, _packages: tuple[Package, ...]) -> Provided:
    """Return what packages provide in an environment, which flows of a session share."""
    return provided_by(place)


def _undeclared(
    judged: Iterable[tuple[_Place, tuple[_Use, ...]]], *, all_steps: KeysView[str]
) -> Iterator[str]:
    steps: dict[tuple[str, frozenset[str]], dict[str, None]] = defaultdict(dict)
    brought: dict[str, set[str]] = defaultdict(set)
    for place, uses in judged:
        via = {package.name: package.via for package in place.environment.packages}
        for use in uses:
            if use.distributions and not use.distributions & place.declared:
                steps[use.module, use.distributions][use.step] = None
                brought[use.module].update(*(via.get(name, ()) for name in use.distributions))
    for module, names in sorted(steps, key=lambda key: key[0]):
        where = steps[module, names]
        who = "the flow" if where.keys() == all_steps else f"step {', '.join(where)}"
        same = {canonicalize_name(module)} == names
        what = module if same else f"{module} ({', '.join(sorted(names))})"
        requiring = truncate_list(sorted(brought[module]))
        yield f"{who} imports {what} without declaring it (it came with {requiring})"


def _unused(places: Iterable[_Place], imports: Iterable[Import]) -> Iterator[str]:
    """Yield a note about declared distributions that no statement names and no task loaded.

    An engine that pandas loads counts as used.
    """
    names = {statement.name for statement in imports}
    declared: set[str] = set()
    used: set[str] = set()
    for place in places:
        provided = place.provided
        declared |= (place.by_the_flow & provided.with_modules) - provided.of_others
        loaded = (module for step in place.steps.values() for module in step.modules)
        used = used.union(*map(provided.providers, {*names, *loaded}))
    if unused := declared - used:
        yield (
            f"declared, but never imported by this flow: {truncate_list(sorted(unused))} "
            "(may be used by other packages or without an import, such as plugins)"
        )


def _prefixes(name: str) -> Iterator[str]:
    return itertools.accumulate(name.split("."), "{}.{}".format)
