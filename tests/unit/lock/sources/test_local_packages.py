from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock import find_requirements
from pytest_flowrepro.lock.sources.local_packages import local_package
from pytest_flowrepro.model import LocalFolder, LocalPackage
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Requirements


def write(root: Path, *names: str, **texts: str) -> None:
    for name, text in {**dict.fromkeys(names, ""), **texts}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def project(name: str, *requires: str, rest: str = "") -> str:
    return f"[project]\nname = '{name}'\nversion = '1'\ndependencies = {list(requires)}\n{rest}\n"


def required(root: Path) -> Requirements:
    write(root, "flow.py")
    return find_requirements(root / "flow.py", root=root, setting=None)


def test_what_a_package_requires_is_required_and_it_itself_is_importable(tmp_path: Path) -> None:
    more = "requires-python = '>=3.10'\noptional-dependencies = { plots = ['folium'] }"
    write(tmp_path, "libs/orchard/src/orchard/__init__.py", "libs/orchard/src/orchard/data.csv")
    (tmp_path / "libs/orchard/pyproject.toml").write_text(project("orchard", "toml", rest=more))
    (tmp_path / "requirements.txt").write_text("-e ./libs/orchard[plots]\nsix\n")

    found = required(tmp_path)

    assert found.lines == ("six", "toml", "folium", "metaflow")
    assert found.requires_python == ">=3.10"
    assert found.local == (
        LocalPackage(
            name="orchard",
            version="1",
            path="libs/orchard/src",
            modules=("libs/orchard/src/orchard",),
        ),
    )


def test_packages_that_require_each_other_are_not_packages_of_an_index(tmp_path: Path) -> None:
    write(tmp_path, "pear/pear.py", "plum/plum.py")
    jam = "optional-dependencies = { jam = ['toml'] }"
    sources = "[tool.uv.sources]\nplum = { path = '../plum' }"
    (tmp_path / "pear/pyproject.toml").write_text(project("pear", "plum", rest=sources))
    (tmp_path / "plum/pyproject.toml").write_text(project("plum", "Pear>=1", "idna", rest=jam))
    (tmp_path / "requirements.txt").write_text("./pear\nplum[jam]\n")

    found = required(tmp_path)

    assert found.lines == ("idna", "toml", "metaflow")
    assert [(one.name, one.path) for one in found.local] == [("pear", "pear"), ("plum", "plum")]


@pytest.mark.parametrize(
    ("rest", "local"),
    [
        ("[build-system]", ["harbor"]),
        ("[tool.uv]\npackage = true", ["harbor"]),
        ("[build-system]\n[tool.uv]\npackage = false", []),
        ("", []),
    ],
)
def test_a_project_that_is_a_package_is_importable_itself(
    tmp_path: Path, rest: str, local: list[str]
) -> None:
    write(tmp_path, "src/harbor/__init__.py")
    (tmp_path / "pyproject.toml").write_text(project("harbor", "six", rest=rest))

    found = required(tmp_path)

    assert (found.lines, [one.name for one in found.local]) == (("six", "metaflow"), local)


def test_a_project_that_is_not_a_package_in_place_is_left_alone(tmp_path: Path) -> None:
    maturin = "[build-system]\nbuild-backend = 'maturin'"
    (tmp_path / "pyproject.toml").write_text(project("harbor", "six", rest=maturin))

    assert required(tmp_path).local == ()


@pytest.mark.parametrize(
    ("files", "path", "modules"),
    [
        (("src/one/__init__.py", "src/two.py", "one.py"), "src", ["src/one", "src/two.py"]),
        (("src/space/deep/one.py", "src/fruit.egg-info/PKG-INFO"), "src", ["src/space"]),
        (("fruit/__init__.py", "other/__init__.py", "src/readme.md"), ".", ["fruit"]),
        (("fruit.py", "other.py"), ".", ["fruit.py"]),
        (("one/__init__.py", "tests/__init__.py", "flows/a.py", "setup.py"), ".", ["one"]),
        (("fruit/__init__.py", "fruit/__pycache__/a.so"), ".", ["fruit"]),
    ],
)
def test_which_modules_are_the_packages(
    tmp_path: Path, files: tuple[str, ...], path: str, modules: list[str]
) -> None:
    write(tmp_path, *files)
    (tmp_path / "pyproject.toml").write_text(project("Fruit"))

    found = local_package(LocalFolder(folder=tmp_path), root=tmp_path)

    assert found is not None
    assert (found.path, list(found.modules)) == (path, modules)


@pytest.mark.parametrize(
    ("files", "text", "reason"),
    [
        (
            ("readme.md",),
            project("fruit"),
            "it has no src folder, no fruit folder and none with an",
        ),
        (("fruit.py",), "[tool.poetry]\nname = 'fruit'", "its name is computed or missing"),
        (("fruit/__init__.py", "fruit/a.pyx"), project("fruit"), "it has lib/fruit/a.pyx, which"),
        (("fruit/__init__.py", "fruit/a.so"), project("fruit"), "it has lib/fruit/a.so, which is"),
        (("fruit.py",), "[build-system]\nbuild-backend = 'maturin'", "its build backend, maturin"),
    ],
)
def test_a_package_that_has_to_be_built_is_refused(
    tmp_path: Path, files: tuple[str, ...], text: str, reason: str
) -> None:
    write(tmp_path / "lib", *files)
    (tmp_path / "lib/pyproject.toml").write_text(text)

    with pytest.raises(LockError) as caught:
        local_package(LocalFolder(folder=tmp_path / "lib"), root=tmp_path)

    assert caught.value.what.startswith(f"The package in lib cannot be used in place: {reason}")
    assert "publish" in caught.value.hint
