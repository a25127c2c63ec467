"""Metadata for `importlib.metadata` of the repository's packages, which are never installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.support.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_flowrepro.model import LocalPackage


def write_metadata(folder: Path, packages: Iterable[LocalPackage]) -> None:
    """Write a dist-info for each package with a known version, to be found on Python's path.

    Raises `PackageError` when `folder` cannot be written.
    """
    try:
        for package in packages:
            if package.version is not None:
                name = package.name.replace("-", "_")
                place = folder / f"{name}-{package.version}.dist-info"
                place.mkdir(parents=True, exist_ok=True)
                head = f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {package.version}\n"
                (place / "METADATA").write_text(head, "utf-8")
                (place / "entry_points.txt").write_text(package.entry_points, "utf-8")
    except OSError as error:
        raise PackageError(
            f"{folder}: the metadata of the repository's packages cannot be written here",
            hint="check that the disk is not full and that the folder is writable",
            detail=str(error),
        ) from error
