from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from requirement_lines import requirement_lines

from pytest_flowrepro.lock.sources.reading import Selection
from pytest_flowrepro.lock.sources.setup_files import read_setup_cfg, read_setup_py
from pytest_flowrepro.model import LocalFolder, Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

CFG = """\
[metadata]
name = harbor
[options]
python_requires = >=3.9, <4
install_requires =
    metaflow>=2.12
    # what reads the tide tables
    pandas ; python_version < "4"
[options.extras_require]
plots = seaborn; folium
"""
PY = """\
import os
from setuptools import setup

raise RuntimeError("this file is not run")
setup(
    name="harbor",
    version=os.environ["VERSION"],
    python_requires=">=3.9, <4",
    install_requires=["metaflow>=2.12", 'pandas ; python_version < "4"'],
    extras_require={"plots": ["seaborn", "folium"]},
)
"""
READ = {"setup.cfg": read_setup_cfg, "setup.py": read_setup_py}


def read(folder: Path, name: str, text: str, *extras: str) -> Requirements | None:
    (folder / name).write_text(text, "utf-8")
    return READ[name](folder / name, root=folder, selection=Selection(extras=extras))


@pytest.mark.parametrize(("name", "text"), [("setup.cfg", CFG), ("setup.py", PY)])
def test_requirements_extras_and_python_are_read(tmp_path: Path, name: str, text: str) -> None:
    own = ("metaflow>=2.12", 'pandas ; python_version < "4"')

    plain = read(tmp_path, name, text)
    assert plain == Requirements(
        requirements=requirement_lines(*own),
        source=name,
        requires_python="<4,>=3.9",
        folders=(LocalFolder(folder=tmp_path, itself=True),),
    )
    plots = read(tmp_path, name, text, "Plots")
    assert plots is not None
    assert plots.lines == (*own, "seaborn", "folium")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup.cfg", "[flake8]\nselect = E"),
        ("setup.cfg", "[options]\npackages = find:"),
        ("setup.py", "import setuptools\nsetuptools.setup()"),
        ("setup.py", "print(install_requires=['six'])"),
    ],
)
def test_a_file_without_requirements_declares_nothing(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path, name, text) is None


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("setup.cfg", "install_requires = six", "File contains no section headers"),
        ("setup.cfg", "[options]\ninstall_requires = =1", "install_requires[0]: Expected"),
        (
            "setup.cfg",
            "[options]\ninstall_requires = file: needs.txt",
            "`file: needs.txt` refers to another file; set that one instead",
        ),
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n  x @ git+https://bob:pw@host/x",
            "install_requires[0]: a version control URL has no hash to pin",
        ),
        ("setup.cfg", "[options]\npython_requires = three", "python_requires: 'three' is not a v"),
        ("setup.py", "setup(", "'(' was never closed"),
        ("setup.py", "setup(install_requires=read())", "line 1: install_requires is computed"),
        ("setup.py", "setup(\ninstall_requires=['six'] + X)", "line 2: install_requires is comp"),
        ("setup.py", "setup(install_requires={[]: 1})", "line 1: install_requires is computed"),
        ("setup.py", "setup(**config)", "line 1: `**` hides the requirements"),
        ("setup.py", "setup(install_requires='six')", "install_requires: not a list of strings"),
        ("setup.py", "setup(install_requires=[3])", "install_requires[0]: not a string"),
    ],
)
def test_what_is_not_written_down_is_refused(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, name, text)

    assert caught.value.what == f"{name} cannot be used: it is parsed, not executed"
    assert caught.value.hint.startswith("write a requirements file for the flow")
    assert caught.value.detail.startswith(problem)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("setup.cfg", CFG, "extras_require: unknown name `maps` (known: plots)"),
        ("setup.py", PY, "extras_require: unknown name `maps` (known: plots)"),
        ("setup.py", "setup(extras_require=x)", "line 1: extras_require is computed"),
        ("setup.py", "setup(extras_require=[])", "extras_require: not a table"),
    ],
)
def test_an_extra_must_be_there(tmp_path: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, name, text, "maps")

    assert caught.value.detail.startswith(problem)


def test_extras_that_are_not_selected_may_be_computed(tmp_path: Path) -> None:
    text = "setup(install_requires=['six'], extras_require=all_of_them())"

    found = read(tmp_path, "setup.py", text)

    assert found is not None
    assert found.lines == ("six",)
