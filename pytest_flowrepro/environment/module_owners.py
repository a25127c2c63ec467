"""The distributions of a virtualenv by the modules that they install, read from RECORD."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_flowrepro.environment.distributions import find_distributions
from pytest_flowrepro.environment.manifest import site_packages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.environment.distributions import InstalledDistribution, RecordRow

_MODULES = (".py", ".so", ".pyd")
_NAME = re.compile(r"[\w.-]+")
"""The start of a requirement (PEP 508); parsing all of it takes ten times as long."""
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Provided:
    modules: Mapping[str, frozenset[str]]
    """Module or package, dotted -> the canonical names of the distributions with files of it."""
    of_others: frozenset[str]
    """Distributions that need no import: a distribution other than Metaflow may use them (its
    requirements name them, perhaps for an extra), or they are programs."""

    def providers(self, name: str) -> frozenset[str]:
        """Return the distributions that `import name` may load; several may share a package."""
        owners = _NONE
        for prefix in itertools.accumulate(name.split("."), "{}.{}".format):
            more_specific = self.modules.get(prefix)
            if more_specific is None:
                break
            owners = more_specific
        return owners

    @property
    def with_modules(self) -> frozenset[str]:
        """Return all except those that install only stubs, data or requirements."""
        return _NONE.union(*self.modules.values())


def provided_by(environment: Path) -> Provided:
    modules: dict[str, set[str]] = defaultdict(set)
    of_others: set[str] = set()
    for name, distribution in find_distributions(site_packages(environment)).items():
        for dotted in _dotted(distribution.record()):
            modules[dotted].add(name)
        if name != "metaflow":
            of_others |= {needed for needed in _required(distribution) if needed != name}
        if _is_program(distribution, name):
            of_others.add(name)
    return Provided(
        modules={dotted: frozenset(names) for dotted, names in modules.items()},
        of_others=frozenset(of_others),
    )


def _dotted(record: Iterable[RecordRow]) -> Iterator[str]:
    """Yield the modules of a RECORD, and the packages that contain them."""
    for path, _ in record:
        if path.endswith(_MODULES):
            *packages, file = path.split("/")
            parts = [*packages, file.partition(".")[0]]
            if parts[-1] == "__init__":
                parts.pop()
            if all(part.isidentifier() for part in parts):
                yield from itertools.accumulate(parts, "{}.{}".format)


def _required(distribution: InstalledDistribution) -> Iterator[str]:
    for line in distribution.requires or ():
        if name := _NAME.match(line):
            yield canonicalize_name(name.group())


def _is_program(distribution: InstalledDistribution, name: str) -> bool:
    """Return whether a distribution installs a command of its own name.

    `Distribution.entry_points` would raise for an invalid line.
    """
    text = distribution.read_text("entry_points.txt") or ""
    section = text.partition("[console_scripts]")[2].partition("\n[")[0]
    commands = (line.partition("=")[0].strip() for line in section.splitlines())
    return any(canonicalize_name(command) == name for command in commands)
