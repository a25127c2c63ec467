"""Conda packages that are already installed when requirements from PyPI are resolved.

The resolver gets a wheel of each, with only a name and a version, and is constrained to it. So the
packages that it adds fit the installed ones, it needs no index for these, not even for a version
that PyPI never had (`torch 2.1.0.post300`), and a conflict names them: `numpy==1.26.4+conda`.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.lockfile.pypi import logical_lines, parse_pypi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import PypiLock

GIVEN = "given"
_LABEL = "conda"
_PIN = re.compile(rf"(?P<name>\S+)==\S+[+.]{_LABEL}(?=\s|$)")


def write_given(installed: Mapping[str, str], workspace: Path) -> tuple[list[str], list[str]]:
    """Write wheels for the installed packages (name -> version) that the resolver must keep.

    Returns lines for a requirements file in the workspace and for a constraints file. Raises
    `OSError`.
    """
    if not installed:
        return [], []
    folder = workspace / GIVEN
    folder.mkdir(exist_ok=True)
    labelled = {name: _labelled(version) for name, version in installed.items()}
    for name, version in labelled.items():
        _write_wheel(folder, name.replace("-", "_"), version)
    return [f"--find-links {GIVEN}"], [f"{name}=={labelled[name]}" for name in sorted(labelled)]


def without_given(lock: PypiLock) -> PypiLock | None:
    """Return the lock without the packages that were already installed; None if none is left."""
    lines = lock.text.splitlines()
    rest = [*_comments(lines)]
    starts = [number - 1 for number, _ in logical_lines(lock.text)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if not _PIN.match(lines[start]):
            rest += lines[start:end]
    if len(rest) == len(_comments(lines)):
        return None
    return replace(parse_pypi("\n".join(rest) + "\n"), notes=lock.notes)


def names_given(output: str) -> bool:
    """Return whether a resolver's output names a version that was given."""
    return f"+{_LABEL}" in output


def _comments(lines: list[str]) -> list[str]:
    """Return the comment lines at the start of a lock."""
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), 0)
    return lines[:end]


def _labelled(version: str) -> str:
    """Return a version as a local one (PEP 440), which satisfies the same specifiers."""
    return f"{version}{'.' if '+' in version else '+'}{_LABEL}"


def _write_wheel(folder: Path, name: str, version: str) -> None:
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for file, text in _wheel_contents(name, version):
            # One time for all: the same wheel has the same hash.
            wheel.writestr(zipfile.ZipInfo(f"{about}/{file}"), text)


def _wheel_contents(name: str, version: str) -> Iterator[tuple[str, str]]:
    yield "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    yield "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    yield "RECORD", ""
