"""Compares what was installed with what the wheels say of themselves: RECORD (PEP 376, PEP 427).

Neither uv nor pip does: uv takes what it once unpacked as it lies in its cache.
"""

from __future__ import annotations

import base64
import csv
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_flowrepro.environment.manifest import site_packages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.environment.files import InstalledFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    package: str | None
    """The canonical name; None for a file that belongs to no package."""
    path: str
    """In the environment."""
    expected: str = ""
    """As RECORD has it, `sha256=...`; empty for a file that no RECORD names."""
    got: str = ""
    """The same of the file that is there; empty where there is none."""

    def __str__(self) -> str:
        if self.package is None:
            return f"{self.path} belongs to no package"
        got = f"got {self.got}" if self.got else "it is missing"
        return f"{self.package}: {self.path}: expected {self.expected}, {got}"


def unlike_record(
    environment: Path, files: Mapping[str, InstalledFile], *, ours: Collection[str]
) -> tuple[Difference, ...]:
    """Files that are not what RECORD says; those of site-packages that no RECORD names, but for
    `ours`, by their paths in the environment; sorted by path. A RECORD among `ours` is not gone by.

    A file that RECORD has no SHA-256 of, as of itself, may be anything. What installers make, such
    as scripts that name the interpreter, they write into RECORD with its own hash.
    """
    packages = site_packages(environment).relative_to(environment).as_posix()
    found, named = [], set(ours)
    for path, package, expected in _recorded(environment, packages, ours):
        named.add(path)
        if expected.startswith("sha256=") and "/__pycache__/" not in path:
            got = _as_record(files[path].sha256) if path in files else ""
            if got != expected.rstrip("="):
                found.append(Difference(package=package, path=path, expected=expected, got=got))
    of_nobody = (path for path in files.keys() - named if path.startswith(f"{packages}/"))
    found += [Difference(package=None, path=path) for path in of_nobody]
    return tuple(sorted(found, key=lambda one: one.path))


def _recorded(
    environment: Path, packages: str, ours: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Path in the environment, package and hash (or nothing) of every line of every RECORD."""
    for record in (environment / packages).glob("*.dist-info/RECORD"):
        if f"{packages}/{record.parent.name}/RECORD" in ours:
            continue
        name = record.parent.name.removesuffix(".dist-info").rpartition("-")[0]
        rows = csv.reader(record.read_text("utf-8", errors="replace").splitlines())
        for path, value in (row[:2] for row in rows if len(row) >= 2):
            # A path that leads out of the environment is nothing that was installed.
            inside = os.path.normpath(os.path.join(packages, path))  # noqa: PTH118  thousands of files
            if not inside.startswith(("/", "../")):
                yield inside, canonicalize_name(name), value


def _as_record(sha256: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b"=").decode()
