from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from requirement_lines import requirement_lines

from pytest_flowrepro.lock.sources.pyproject import read_project
from pytest_flowrepro.lock.sources.reading import Selection
from pytest_flowrepro.lockfile.requirement import VERSION_CONTROL
from pytest_flowrepro.model import Index, IndexSource, Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

GROUP = "dependency-groups.a"

PROJECT = """
[project]
name = "Harbor.Flows"
requires-python = ">=3.11"
dependencies = ["metaflow>=2.12", "pandas[excel] ; python_version < '4'"]
[project.optional-dependencies]
Big_Plots = ["seaborn"]
maps = ["folium", "harbor-flows[big-plots]"]
all = ["harbor.flows[maps,all]"]
[dependency-groups]
flows = ["tqdm", { include-group = "Num_Bers" }]
num-bers = ["numpy", "tqdm"]
"""


def read(folder: Path, text: str, **selection: tuple[str, ...]) -> Requirements | None:
    file = folder / "pyproject.toml"
    file.write_text(text, "utf-8")
    return read_project(file, root=folder, selection=Selection(**selection))


@pytest.mark.parametrize(
    ("selection", "lines"),
    [
        ({}, ()),
        ({"extras": ("big-plots",)}, ("seaborn",)),
        ({"extras": ("maps",)}, ("folium", "seaborn")),
        ({"extras": ("all",)}, ("folium", "seaborn")),
        ({"groups": ("flows",)}, ("tqdm", "numpy")),
        ({"extras": ("BIG.plots",), "groups": ("num_bers",)}, ("seaborn", "numpy", "tqdm")),
    ],
)
def test_what_is_installed_are_dependencies_and_what_is_selected(
    tmp_path: Path, selection: dict[str, tuple[str, ...]], lines: tuple[str, ...]
) -> None:
    assert read(tmp_path, PROJECT, **selection) == Requirements(
        requirements=requirement_lines(
            "metaflow>=2.12", "pandas[excel] ; python_version < '4'", *lines
        ),
        source="pyproject.toml",
        requires_python=">=3.11",
    )


def test_a_group_needs_no_project(tmp_path: Path) -> None:
    found = read(tmp_path, '[dependency-groups]\nflows = ["six"]', groups=("flows",))

    assert found is not None
    assert found.lines == ("six",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[project", "pyproject.toml is not valid TOML"),
        ("project = 3", "project: not a table"),
        ("[project]\ndependencies = 'six'", "project.dependencies: not a list of strings"),
        ("[project]\ndependencies = [1]", "project.dependencies[0]: not a string"),
        (
            "[project]\ndependencies = ['six', 'x @ git+https://bob:pw@host/x']",
            "project.dependencies[1]: a version control URL has no hash to pin",
        ),
        ("[project]\ndynamic = 3\ndependencies = 3", "project.dependencies: not a list of str"),
        ("[project]\nrequires-python = 'three'", "project.requires-python: 'three' is not a vers"),
        ("[project]\ndynamic = ['dependencies']", "project.dependencies: dynamic: only the proj"),
        (
            "[project]\ndependencies = ['x']\n[tool.uv.sources]\nX = { path = '../x' }",
            "tool.uv.sources.x: the path is outside of the repository",
        ),
        (
            "[project]\ndependencies = ['x']\n[tool.uv.sources]\nx = [{ git = 'https://a:pw@b' }]",
            "tool.uv.sources.x: a version control URL has no hash",
        ),
        (
            "[project]\ndependencies = ['x']\n[tool.uv.sources]\nx = { workspace = true }",
            "tool.uv.sources.x: no workspace of the repository has a member of this name",
        ),
    ],
)
def test_what_cannot_be_locked_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, text)

    assert problem in str(caught.value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "selection", "problem"),
    [
        (
            PROJECT,
            {"extras": ("plots",)},
            "project.optional-dependencies: unknown name `plots` (known: big-plots, maps, all)",
        ),
        (
            "[project]",
            {"groups": ("x",)},
            "dependency-groups: unknown name `x`",
        ),
        (
            "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]",
            {"groups": ("a",)},
            f"{GROUP}: Cyclic dependency group include while resolving a: a -> b, b -> a",
        ),
        (
            "[dependency-groups]\na = [{include-group = 'b'}]",
            {"groups": ("a",)},
            "dependency-groups.a: Dependency group 'b' not found",
        ),
        (
            "[dependency-groups]\na = 'six'",
            {"groups": ("a",)},
            "dependency-groups.a: Dependency group 'a' contained a string rather than a list.",
        ),
        (
            "[dependency-groups]\na = [{include-group = 'b'}]\nb = ['./lib']",
            {"groups": ("a",)},
            f"{GROUP}: Expected package name at the start of dependency specifier: ./lib",
        ),
        (
            "[dependency-groups]\na = ['https://user:pw@host/six.whl']",
            {"groups": ("a",)},
            "dependency-groups.a: Expected semicolon (after name with no version specifier) or end",
        ),
        (
            "[dependency-groups]\na = ['six @ git+https://host/six']",
            {"groups": ("a",)},
            f"dependency-groups.a[0]: {VERSION_CONTROL}",
        ),
        (
            "[dependency-groups]\na = ['six']\nA = ['tqdm']",
            {"groups": ("a",)},
            "dependency-groups.a: Duplicate dependency group names: a (a, A)",
        ),
        (
            "[dependency-groups]\na = ['six', { set = 1 }]",
            {"groups": ("a",)},
            "dependency-groups.a: Invalid dependency group item: {'set': 1}",
        ),
        ("dependency-groups = 1", {"groups": ("a",)}, "dependency-groups: not a table"),
    ],
)
def test_what_is_selected_must_be_there(
    tmp_path: Path, text: str, selection: dict[str, tuple[str, ...]], problem: str
) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, text, **selection)

    assert problem in caught.value.detail.splitlines()


INDEX = "[[tool.uv.index]]\nname = 'ours'\nurl = '../simple'\nexplicit = true"


@pytest.mark.parametrize(
    ("source", "markers"),
    [
        ("{ index = 'ours' }", [None]),
        ("[{ index = 'ours' }]", [None]),
        (
            '[{ index = "ours", marker = "os_name == \'nt\'" }, { index = "ours" }]',
            ["os_name == 'nt'", None],
        ),
        ("[{ index = 'ours', extra = 'gpu' }]", []),
        ("[{ index = 'ours', extra = 'Cpu' }, { index = 'ours', group = 'dev' }]", [None]),
    ],
)
def test_a_package_of_one_index_is_bound_to_it(
    tmp_path: Path, source: str, markers: list[str | None]
) -> None:
    optional = "[project.optional-dependencies]\ncpu = []"
    text = f"[project]\ndependencies = ['X']\n{optional}\n[tool.uv.sources]\nx = {source}\n{INDEX}"

    found = read(tmp_path, text, extras=("cpu",))

    assert found is not None
    assert found.lines == ("X",)
    index = Index(name="ours", url=str(tmp_path.parent / "simple"))
    assert found.sources == tuple(
        IndexSource(package="x", index=index, written="ours ../simple", marker=marker)
        for marker in markers
    )


def test_an_index_that_nothing_declares_is_refused(tmp_path: Path) -> None:
    text = "[project]\ndependencies = ['x']\n[tool.uv.sources]\nx = { index = 'theirs' }\n"

    with pytest.raises(LockError, match=r"no `\[\[tool.uv.index\]\]` .* has the name theirs"):
        read(tmp_path, text + INDEX)

    assert read(tmp_path, f"{text}\n[tool.uv]\nno-sources = true") is not None


def test_dynamic_dependencies_are_those_of_the_setup_file(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").touch()

    assert read(tmp_path, "[project]\ndynamic = ['dependencies']", extras=("plots",)) is None


def test_a_file_of_settings_alone_has_no_extras_to_choose_from(tmp_path: Path) -> None:
    """It is there whenever extras are configured: what has them may be the setup.cfg beside it."""
    assert read(tmp_path, "[tool.flowrepro]\nextras = ['plots']", extras=("plots",)) is None


SETUPTOOLS = "[tool.setuptools.dynamic]\ndependencies = { file = %s }\n"
HATCH = "[tool.hatch.metadata.hooks.requirements_txt]\nfiles = %s\n"
OPTIONAL = "[tool.setuptools.dynamic.optional-dependencies]\nPlots = { file = ['plots.txt'] }\n"
OPTIONAL_OF_HATCH = (
    "[tool.hatch.metadata.hooks.requirements_txt.optional-dependencies]\nPlots = ['plots.txt']\n"
)


@pytest.mark.parametrize("table", [SETUPTOOLS + OPTIONAL, HATCH + OPTIONAL_OF_HATCH])
@pytest.mark.parametrize("files", ['["deps.txt", "more.txt"]', '"deps.txt, more.txt"'])
def test_dynamic_dependencies_are_read_from_the_files_that_are_named(
    tmp_path: Path, table: str, files: str
) -> None:
    (tmp_path / "deps.txt").write_text("six==1.16.0  # old\n-c limits.txt\n")
    (tmp_path / "limits.txt").write_text("idna<4\n")
    (tmp_path / "more.txt").write_text("idna\n")
    (tmp_path / "plots.txt").write_text("seaborn\n")
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    dynamic = "[project]\nname = 'p'\ndynamic = ['dependencies', 'optional-dependencies']\n"

    found = read(tmp_path, dynamic + table % files, extras=("plots",))

    assert found is not None
    assert found.lines == ("six==1.16.0", "idna", "seaborn")
    assert [one.lines for one in found.constraints] == [requirement_lines("idna<4")]


def test_a_file_of_dynamic_dependencies_that_is_not_there_is_named(tmp_path: Path) -> None:
    text = "[project]\ndynamic = ['dependencies']\n" + SETUPTOOLS % "['gone.txt']"

    with pytest.raises(LockError, match=r"gone\.txt: cannot be read: No such file"):
        read(tmp_path, text)
