from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock.sources.package_metadata import Metadata, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

POINTS = "[console_scripts]\nprune = orchard:prune\n[harvest]\npears = orchard.pears:pick\n"
PYPROJECT = """\
[project]
name = "Orchard.Tools"
version = "1.0"
scripts = { prune = "orchard:prune" }
entry-points = { harvest = { pears = "orchard.pears:pick" } }
"""
CFG = """\
[metadata]
name = Orchard.Tools
version = 1.0
[options.entry_points]
console_scripts =
    prune = orchard:prune
harvest =
    pears = orchard.pears:pick
"""
PY = """\
from setuptools import setup
setup(name="Orchard.Tools", version="1.0", packages=find(), entry_points={
    "console_scripts": ["prune = orchard:prune"], "harvest": ["pears=orchard.pears:pick"]})
"""


def read(folder: Path, name: str, text: str) -> Metadata:
    (folder / name).write_text(text)
    return read_metadata(folder)


@pytest.mark.parametrize(
    ("name", "text"), [("pyproject.toml", PYPROJECT), ("setup.cfg", CFG), ("setup.py", PY)]
)
def test_what_is_static_is_read(tmp_path: Path, name: str, text: str) -> None:
    found = read(tmp_path, name, text)

    assert found == Metadata(name="Orchard.Tools", version="1.0", entry_points=POINTS)
    assert found.module == "orchard_tools"


@pytest.mark.parametrize(
    ("name", "text", "base"),
    [
        ("pyproject.toml", "[tool.setuptools]\npackage-dir = {'' = 'lib'}", "lib"),
        ("pyproject.toml", "[tool.setuptools.packages.find]\nwhere = ['lib']", "lib"),
        ("pyproject.toml", "[tool.hatch.build.targets.wheel]\npackages = ['lib/orchard']", "lib"),
        ("pyproject.toml", "[tool.hatch.build.targets.wheel]\npackages = ['orchard']", "."),
        ("pyproject.toml", "[tool.uv.build-backend]\nmodule-root = ''", "."),
        ("pyproject.toml", "[[tool.poetry.packages]]\ninclude = 'a'\nfrom = 'lib'", "lib"),
        ("setup.cfg", "[options]\npackage_dir =\n    = lib", "lib"),
        ("setup.cfg", "[options.packages.find]\nwhere = lib", "lib"),
        ("setup.py", "setup(package_dir={'': 'lib'})", "lib"),
    ],
)
def test_the_folder_of_the_packages_is_read(
    tmp_path: Path, name: str, text: str, base: str
) -> None:
    assert read(tmp_path, name, text).base == base


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pyproject.toml", "[build-system]\nbuild-backend = 'maturin'", "its build backend, mat"),
        ("pyproject.toml", "[[tool.setuptools.ext-modules]]\nname = 'a'", "`ext-modules` in its"),
        ("pyproject.toml", "[tool.hatch.build.hooks.custom]", "its build runs custom"),
        ("setup.py", "setup(ext_modules=cythonize('a.pyx'))", "`ext_modules` in its setup.py"),
    ],
)
def test_changes_that_a_build_would_make_are_reported(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    built = read(tmp_path, name, text).built

    assert built is not None
    assert built.startswith(reason)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project"),
        ("pyproject.toml", "[project]\ndynamic = ['version']"),
        ("pyproject.toml", "project = 3\ntool = 4"),
        ("pyproject.toml", "[project]\nname = '../orchard'\nversion = '../1'"),
        ("setup.cfg", "name = orchard"),
        ("setup.cfg", "[metadata]\nversion = attr: orchard.VERSION"),
        ("setup.py", "setup("),
        ("setup.py", "setup(name=NAME, version=read(), entry_points=3)"),
    ],
)
def test_what_is_computed_or_broken_says_nothing(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path, name, text) == Metadata()


def test_each_thing_is_taken_from_the_first_file_that_says_it(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("setup(name='other', version='2')")

    found = read(tmp_path, "pyproject.toml", "[project]\nname = 'orchard'")

    assert (found.name, found.version) == ("orchard", "2")
