from __future__ import annotations

from importlib.metadata import distributions
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import LocalPackage
from pytest_flowrepro.package.local_metadata import write_metadata
from pytest_flowrepro.support.errors import PackageError

if TYPE_CHECKING:
    from pathlib import Path

ORCHARD = LocalPackage(
    name="orchard-tools",
    version="1.0",
    path="libs/orchard",
    modules=("libs/orchard/orchard.py",),
    entry_points="[harvest]\npears = orchard:pick\n",
)
UNKNOWN = LocalPackage(name="pear", version=None, path="pear", modules=("pear/pear.py",))


def test_version_and_entry_points_are_found_on_the_path(tmp_path: Path) -> None:
    write_metadata(tmp_path, (ORCHARD, UNKNOWN))

    (found,) = distributions(path=[str(tmp_path)])
    assert (found.name, found.version) == ("orchard-tools", "1.0")
    (pears,) = found.entry_points
    assert (pears.group, pears.name, pears.value) == ("harvest", "pears", "orchard:pick")


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "metadata").touch()

    with pytest.raises(PackageError, match="metadata of the repository's packages"):
        write_metadata(tmp_path / "metadata", (ORCHARD,))
