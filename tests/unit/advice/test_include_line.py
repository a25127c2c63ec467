from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.advice.advice import include_line
from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.support.project_folders import find_module

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    "top.py",
    "flows/train.py",
    "lib/stock.py",
    "lib/deep/stock.py",
    "src/warehouse/__init__.py",
    "src/warehouse/shelves.py",
    "shared/rates/vat.py",
    "data/notes/readme.txt",
    ".hidden/secret.py",
    "env/pyvenv.cfg",
    "env/installed.py",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def flow(root: Path) -> FlowSource:
    return FlowSource(file=root / "flows/train.py", name="TrainFlow", lineno=1, steps=())


@pytest.mark.parametrize(
    ("module", "folder"),
    [
        ("stock", "lib"),
        ("warehouse", "src"),
        ("warehouse.shelves", "src"),
        ("rates.vat", "shared"),
        ("rates", "shared"),
        ("top", "."),
        ("warehouse.gone", None),
        ("notes", None),
        ("secret", None),
        ("installed", None),
        ("pandas", None),
    ],
)
def test_the_folder_of_the_project_that_has_a_module(
    root: Path, module: str, folder: str | None
) -> None:
    assert find_module(module, root=root) == (root / folder if folder else None)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("stock", 'include = ["../lib"]'),
        ("warehouse.shelves", 'include = ["../src"]'),
        ("top", 'include = ["../top.py"]'),
        ("shared.rates", 'include = ["../shared"]'),
        ("pandas", None),
    ],
)
def test_the_line_that_packages_a_module(
    root: Path, flow: FlowSource, module: str, line: str | None
) -> None:
    assert include_line(module, flow=flow, root=root) == line
