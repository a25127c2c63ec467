"""What `importlib.metadata` finds of packages of the repository, which are never installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.support.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_flowrepro.model import LocalPackage


def write_metadata(folder: Path, packages: Iterable[LocalPackage]) -> None:
    """A dist-info for each package whose version is known, to be found on Python's path.

    Raises `PackageError` when `folder` cannot be written.
    """
    try:
        for one in packages:
            if one.version is not None:
                place = folder / f"{one.name.replace('-', '_')}-{one.version}.dist-info"
                place.mkdir(parents=True, exist_ok=True)
                head = f"Metadata-Version: 2.1\nName: {one.name}\nVersion: {one.version}\n"
                (place / "METADATA").write_text(head, "utf-8")
                (place / "entry_points.txt").write_text(one.entry_points, "utf-8")
    except OSError as error:
        raise PackageError(
            f"{folder}: the metadata of the repository's packages cannot be written here",
            hint="see that the disk has room and the folder can be written",
            detail=str(error),
        ) from error
