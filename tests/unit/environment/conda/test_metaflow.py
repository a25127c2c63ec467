from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.environment.conda.metaflow import place_metaflow
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from pathlib import Path

RECORD = """\
../../../bin/metaflow,sha256=x,1
metaflow/__init__.py,sha256=x,1
metaflow/cards/style.css,sha256=x,1
metaflow/__pycache__/__init__.cpython-311.pyc,,
metaflow-2.19.39.dist-info/METADATA,sha256=x,1
metaflow-2.19.39.dist-info/RECORD,,
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The site-packages of a virtualenv with Metaflow 2.19.39 and another package."""
    site = tmp_path / "base" / "lib" / "python3.11" / "site-packages"
    for line in RECORD.splitlines():
        file = site / line.partition(",")[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("2.19.39", "utf-8")
    (site / "metaflow-2.19.39.dist-info" / "RECORD").write_text(RECORD, "utf-8")
    (site / "other.py").write_text("", "utf-8")
    return site


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """That of a conda prefix."""
    folder = tmp_path / "prefix" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


def files(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


METAFLOW = {
    "metaflow/__init__.py",
    "metaflow/cards/style.css",
    "metaflow-2.19.39.dist-info/METADATA",
    "metaflow-2.19.39.dist-info/RECORD",
}


def test_the_flows_metaflow_and_nothing_else_is_copied(base: Path, site: Path) -> None:
    place_metaflow(base, into=site)
    assert files(site) == METAFLOW
    source = base / "metaflow" / "__init__.py"
    assert (site / "metaflow" / "__init__.py").stat().st_ino != source.stat().st_ino


def test_a_metaflow_that_conda_brought_gives_way(base: Path, site: Path) -> None:
    for old in ("metaflow/gone.py", "metaflow-2.9.0.dist-info/RECORD"):
        (site / old).parent.mkdir()
        (site / old).write_text("2.9.0", "utf-8")
    place_metaflow(base, into=site)
    assert files(site) == METAFLOW


def test_what_has_no_metaflow_is_refused(base: Path, site: Path) -> None:
    with pytest.raises(
        EnvironmentBuildError, match=r"Expected one Metaflow installation in .*, found 0"
    ):
        place_metaflow(site, into=base)
