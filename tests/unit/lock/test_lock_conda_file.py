from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.errors import LockError
from pytest_flowrepro.lock.conda_file import read_conda_file
from pytest_flowrepro.model import Constraints, Requirements

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, text: str) -> Requirements:
    file = folder / "environment.yml"
    file.write_text(text, "utf-8")
    return read_conda_file(file, root=folder)


def test_the_pip_part_and_the_python_are_read(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("idna\n")
    (tmp_path / "limits.txt").write_text("idna<4\n")

    found = read(
        tmp_path,
        """
        name: harbor
        channels: [conda-forge, defaults]
        dependencies:
          - python=3.11
          - conda-forge::pip>=23
          - pip:
              - metaflow>=2.12
              - pandas[excel]==2.2.3  # the tide tables
              - -r more.txt
              - -c limits.txt
        """,
    )

    assert found == Requirements(
        lines=("metaflow>=2.12", "pandas[excel]==2.2.3", "idna"),
        source="environment.yml",
        requires_python="==3.11.*",
        constraints=(Constraints.of("limits.txt", ("idna<4",)),),
    )


@pytest.mark.parametrize(
    ("package", "python"),
    [
        ("python", None),
        ("python=3.11", "==3.11.*"),
        ("python==3.11", "==3.11.*"),
        ("python 3.11.*", "==3.11.*"),
        ("python=3.11.7=h1a10cd1_0_cpython", "==3.11.7.*"),
        ("python==3.11.7", "==3.11.7"),
        ("python >=3.9, <3.12", "<3.12,>=3.9"),
        ("conda-forge::python>=3.10", ">=3.10"),
        ("Python=3", "==3.*"),
    ],
)
def test_condas_versions_of_python_become_those_of_pep_440(
    tmp_path: Path, package: str, python: str | None
) -> None:
    assert read(tmp_path, f"dependencies: ['{package}']").requires_python == python


def test_conda_packages_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, "dependencies: [python, numpy=1.26, 'conda-forge::gdal >=3', {pip: [six]}]")

    assert caught.value.what == (
        "environment.yml asks for conda packages, which are not rebuilt from such a file yet: "
        "numpy=1.26, conda-forge::gdal >=3."
    )
    assert "@conda_base(packages={...})" in caught.value.hint
    assert "PyPI equivalents in a requirements file" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dependencies: [", "environment.yml is not valid YAML."),
        ("name: !!python/object:os.system x", "environment.yml is not valid YAML."),
        ("name: 2024-99-99", "environment.yml is not valid YAML."),
        ("[" * 5000, "environment.yml is not valid YAML."),
        ("", "environment.yml: dependencies: not a list"),
        ("name: harbor", "environment.yml: dependencies: not a list"),
        ("dependencies: [3]", "environment.yml: dependencies[0]: neither a package nor `pip:`"),
        ("dependencies: [{pip: six}]", "environment.yml: dependencies[0]: neither a package nor"),
        ("dependencies: [{pip: [3]}]", "environment.yml: dependencies[0]: neither a package nor"),
        ("dependencies: ['python=3.9|3.10']", "environment.yml: python: '=3.9|3.10' is not a ver"),
        ("dependencies: [{pip: [-e .]}]", "environment.yml: . holds none of pyproject.toml"),
        (
            "dependencies: [{pip: ['--extra-index-url https://bob:pw@host']}]",
            "environment.yml: --extra-index-url names a package index",
        ),
        ("dependencies: [{pip: [-r gone.txt]}]", "environment.yml: gone.txt does not exist"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, text)

    assert problem in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_bytes(b"\xff")

    with pytest.raises(LockError, match=r"environment\.yml cannot be read: it is not UTF-8"):
        read_conda_file(tmp_path / "environment.yml", root=tmp_path)
