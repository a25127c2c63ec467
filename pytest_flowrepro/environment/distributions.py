"""Installed distributions, read from their .dist-info folders: no package's code runs."""

from __future__ import annotations

import csv
from functools import cached_property
from importlib.metadata import PathDistribution
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    import os
    from importlib.metadata import PackageMetadata
    from pathlib import Path


class RecordRow(NamedTuple):
    """A line of RECORD (PEP 376); PEP 627 lets the hash be empty."""

    path: str
    """Relative to site-packages."""
    digest: str | None
    """`sha256=...`, or empty; None for a line that has no such column."""


class InstalledDistribution(PathDistribution):
    """A distribution whose files need not be UTF-8: METADATA of old wheels may be Latin-1.

    `importlib.metadata.distributions` makes those that cannot read such a file.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def read_text(self, filename: str | os.PathLike[str]) -> str | None:
        try:
            return (self._folder / filename).read_text("utf-8", errors="replace")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    @cached_property
    def metadata(self) -> PackageMetadata:
        """The fields of METADATA, parsed once."""
        return super().metadata

    @property
    def canonical_name(self) -> str:
        return canonicalize_name(self._required("Name"))

    @property
    def version(self) -> str:
        return self._required("Version")

    def _required(self, field: str) -> str:
        if not (self._folder / "METADATA").is_file():
            raise unusable(self._folder.name, "METADATA", "the file is missing")
        values = self.metadata.get_all(field)
        if not values:
            raise unusable(self._folder.name, "METADATA", f"it has no {field.lower()}")
        return str(values[0])

    def record(self) -> list[RecordRow]:
        """Return the rows of RECORD.

        `importlib.metadata.Distribution.files` leaves out the files that are missing (since Python
        3.12), and drops the hash of a path that it cannot parse.
        Raises `EnvironmentBuildError` without a RECORD.
        """
        text = self.read_text("RECORD")
        if text is None:
            raise unusable(self.canonical_name, "RECORD", "the file is missing")
        return parse_record(text)


def find_distributions(site_packages: Path) -> dict[str, InstalledDistribution]:
    """Return the distributions of a folder by their canonical names, in that order.

    Raises `EnvironmentBuildError` for one without a name.
    """
    distributions = map(InstalledDistribution, site_packages.glob("*.dist-info"))
    by_name = {distribution.canonical_name: distribution for distribution in distributions}
    return dict(sorted(by_name.items()))


def parse_record(text: str) -> list[RecordRow]:
    rows = filter(None, csv.reader(text.splitlines()))
    return [RecordRow(row[0], row[1] if len(row) > 1 else None) for row in rows]


def unusable(name: str, file: str, reason: str) -> EnvironmentBuildError:
    return EnvironmentBuildError(
        f"{file} of the installed {name} cannot be used",
        hint=f"choose another version of {name}: the wheel of this one is broken",
        detail=reason,
    )
