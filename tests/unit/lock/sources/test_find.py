from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.lock import find_requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

PYLOCK = f"""
lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "metaflow"
version = "2.19"
[[packages.wheels]]
url = "https://host/metaflow-2.19-py3-none-any.whl"
hashes = {{ sha256 = "{"0" * 64}" }}
"""
UV_PROJECT = """
[project]
name = "harbor"
version = "0"
requires-python = ">=3.11"
dependencies = ["metaflow"]
"""
UV_LOCK = f"""
version = 1
requires-python = ">=3.11"
[[package]]
name = "harbor"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "metaflow" }}]
[package.metadata]
requires-dist = [{{ name = "metaflow" }}]
[[package]]
name = "metaflow"
version = "2.19"
source = {{ registry = "https://host/simple" }}
[[package.wheels]]
url = "https://host/metaflow-2.19-py3-none-any.whl"
hash = "sha256:{"0" * 64}"
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    """A flow in a folder of its own below the project folder."""
    file = tmp_path / "flows" / "train.py"
    file.parent.mkdir()
    file.write_text("from metaflow import FlowSpec\n")
    return file


def test_the_first_place_that_declares_anything_counts(flow: Path, tmp_path: Path) -> None:
    """From the last of all places to the first."""

    def found() -> tuple[str, ...]:
        requirements = find_requirements(flow, root=tmp_path, setting=setting)
        return (requirements.source, *requirements.lines)

    setting: str | None = None
    assert found() == ("Metaflow alone (nothing is declared)", "metaflow")
    for place, folder in (("", tmp_path), ("flows/", flow.parent)):
        (folder / "environment.yml").write_text("dependencies: [{pip: [one]}]")
        assert found() == (f"{place}environment.yml", "one", "metaflow")
        (folder / "setup.py").write_text("setup(install_requires=['two'])")
        assert found() == (f"{place}setup.py", "two", "metaflow")
        (folder / "setup.cfg").write_text("[options]\ninstall_requires = three")
        assert found() == (f"{place}setup.cfg", "three", "metaflow")
        (folder / "pyproject.toml").write_text("[project]\ndependencies = ['four']")
        assert found() == (f"{place}pyproject.toml", "four", "metaflow")
        (folder / "pylock.toml").write_text(PYLOCK)
        assert found() == (f"{place}pylock.toml", "metaflow")
        (folder / "pyproject.toml").write_text(UV_PROJECT)
        (folder / "uv.lock").write_text(UV_LOCK)
        assert found() == (f"{place}uv.lock", "metaflow")
    (tmp_path / "requirements.in").write_text("five")
    assert found() == ("requirements.in", "five", "metaflow")
    (tmp_path / "requirements.txt").write_text("six")
    assert found() == ("requirements.txt", "six", "metaflow")
    (flow.parent / "requirements.in").write_text("seven")
    assert found() == ("flows/requirements.in", "seven", "metaflow")
    (flow.parent / "requirements.txt").write_text("eight")
    assert found() == ("flows/requirements.txt", "eight", "metaflow")
    flow.write_text('# /// script\n# dependencies = ["nine"]\n# ///\n')
    assert found() == ("flows/train.py (PEP 723)", "nine", "metaflow")
    (tmp_path / "deps.txt").write_text("ten")
    setting = "deps.txt"
    assert found() == ("deps.txt", "ten", "metaflow")


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("requirements.txt", "one", ("one", "metaflow")),
        ("requirements.in", "one", ("one", "metaflow")),
        ("pyproject.toml", "[project]\ndependencies = ['one']", ("one", "metaflow")),
        ("setup.cfg", "[options]\ninstall_requires = one", ("one", "metaflow")),
        ("environment.yml", "dependencies: [{pip: [one]}]", ("one", "metaflow")),
        ("pylock.toml", PYLOCK, ("metaflow",)),
    ],
)
def test_folders_between_the_flow_and_the_project_are_searched_nearest_first(
    tmp_path: Path, name: str, text: str, lines: tuple[str, ...]
) -> None:
    root = tmp_path / "project"
    flow = root / "course/part/flows/train.py"
    flow.parent.mkdir(parents=True)
    flow.touch()
    (tmp_path / name).write_text(text.replace("one", "outside"))
    assert find_requirements(flow, root=root, setting=None).lines == ("metaflow",)

    for folder in (root, root / "course", root / "course/part"):
        file = folder / name
        file.write_text(text)
        found = find_requirements(flow, root=root, setting=None)
        assert (found.source, found.lines) == (file.relative_to(root).as_posix(), lines)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.poetry.dependencies]\nsix = '1'"),
        ("pyproject.toml", "[project]\nname = 'tools'"),
        ("uv.lock", "without a pyproject.toml beside it"),
        ("setup.cfg", "[flake8]\nmax-line-length = 100"),
        ("setup.py", "from setuptools import setup\nsetup()"),
    ],
)
def test_a_file_that_declares_nothing_is_passed_over(
    flow: Path, tmp_path: Path, name: str, text: str
) -> None:
    (flow.parent / name).write_text(text)

    assert find_requirements(flow, root=tmp_path, setting=None).lines == ("metaflow",)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("pyproject.toml", "[project]\ndependencies = ['one']", ("one", "metaflow")),
        ("pylock.train.toml", PYLOCK, ("metaflow",)),
        ("conda.yaml", "dependencies: [{pip: [one]}]", ("one", "metaflow")),
        ("sub/setup.cfg", "[options]\ninstall_requires = one", ("one", "metaflow")),
        ("needs", "one", ("one", "metaflow")),
    ],
)
def test_a_configured_file_is_read_as_what_its_name_says(
    flow: Path, tmp_path: Path, name: str, text: str, lines: tuple[str, ...]
) -> None:
    (tmp_path / "requirements.txt").write_text("other")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)

    assert find_requirements(flow, root=tmp_path, setting=name).lines == lines


def test_a_configured_pyproject_is_its_lock_where_it_has_one(flow: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(UV_PROJECT)
    (tmp_path / "uv.lock").write_text(UV_LOCK)

    found = find_requirements(flow, root=tmp_path, setting="pyproject.toml")

    assert found.source == "uv.lock"
    assert found.locked is not None


def test_extras_and_groups_reach_the_declaration(flow: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[project]\noptional-dependencies.plots = ['one']\n[dependency-groups]\nflows = ['two']"
    )

    found = find_requirements(
        flow, root=tmp_path, setting=None, extras=("plots",), groups=("flows",)
    )

    assert found.lines == ("one", "two", "metaflow")


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("requirements.txt", "", "extras"),
        ("requirements.txt", "", "groups"),
        ("environment.yml", "", "extras"),
        ("setup.cfg", "[options]\ninstall_requires = six", "groups"),
        ("setup.py", "setup(install_requires=['six'])", "groups"),
    ],
)
def test_extras_and_groups_are_refused_for_files_without_any(
    flow: Path, tmp_path: Path, name: str, text: str, key: str
) -> None:
    (tmp_path / name).write_text(text)
    chosen: dict[str, Any] = {key: ("maps",)}

    with pytest.raises(LockError) as caught:
        find_requirements(flow, root=tmp_path, setting=None, **chosen)

    assert caught.value.what == f"{name} has no {key}, but the configuration asks for maps"
    assert caught.value.hint.endswith(f"or set `{key} = []` for this flow")


def test_a_script_block_has_no_extras(flow: Path, tmp_path: Path) -> None:
    flow.write_text("# /// script\n# dependencies = []\n# ///\n")

    with pytest.raises(LockError, match=r"train\.py \(PEP 723\) has no groups"):
        find_requirements(flow, root=tmp_path, setting=None, groups=("flows",))


def test_extras_of_nothing_are_refused(flow: Path, tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"^Metaflow alone \(nothing is declared\) has no extras"):
        find_requirements(flow, root=tmp_path, setting=None, extras=("plots",))


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock"])
def test_a_lock_must_hold_metaflow(flow: Path, tmp_path: Path, name: str) -> None:
    texts = {"pyproject.toml": UV_PROJECT, "uv.lock": UV_LOCK, "pylock.toml": PYLOCK}
    for file in {name, "pyproject.toml"}:
        (tmp_path / file).write_text(texts[file].replace("metaflow", "six"))

    with pytest.raises(LockError, match=f"{name} does not lock metaflow") as caught:
        find_requirements(flow, root=tmp_path, setting=name)

    assert "`uv add metaflow`" in caught.value.hint


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg", "setup.py"])
def test_a_configured_file_that_declares_nothing_is_refused(
    flow: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch()

    with pytest.raises(LockError, match=f"{name} declares no dependencies"):
        find_requirements(flow, root=tmp_path, setting=name)


@pytest.mark.parametrize(
    "line", ["metaflow", "Metaflow==2.19.1", "metaflow[x]>=2 ; python_version>'3'"]
)
def test_metaflow_is_not_added_where_it_is_declared(flow: Path, tmp_path: Path, line: str) -> None:
    (flow.parent / "requirements.txt").write_text(line)

    assert find_requirements(flow, root=tmp_path, setting=None).lines == (line,)


def test_a_configured_file_that_is_not_there_is_refused(flow: Path, tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"The requirements file gone\.txt does not exist"):
        find_requirements(flow, root=tmp_path, setting="gone.txt")
