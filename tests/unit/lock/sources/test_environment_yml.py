from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from requirement_lines import requirement_lines

from pytest_flowrepro.lock.sources.environment_yml import conda_from_pypi, read_conda_file
from pytest_flowrepro.model import CondaPackages, CondaSpec, Constraints, Requirements
from pytest_flowrepro.support.errors import LockError

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
        requirements=requirement_lines("metaflow>=2.12", "pandas[excel]==2.2.3", "idna"),
        source="environment.yml",
        requires_python="==3.11.*",
        constraints=(Constraints.of("limits.txt", requirement_lines("idna<4")),),
    )


@pytest.mark.parametrize(
    ("package", "python"),
    [
        ("python", None),
        ("python=3.11", "==3.11.*"),
        ("python==3.11", "==3.11.*"),
        ("python 3.11.*", "==3.11.*"),
        ("python=3.11.7=h1a10cd1_0_cpython", "==3.11.7"),
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


def test_conda_packages_are_taken_as_conda_takes_them(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        channels: [conda-forge, nodefaults]
        dependencies: [python=3.11, numpy=1.26, 'conda-forge::gdal >=3', {pip: [six]}]
        """,
    )

    assert found == Requirements(
        requirements=requirement_lines("six"),
        source="environment.yml",
        conda=CondaPackages(
            specs=(
                CondaSpec("python=3.11"),
                CondaSpec("numpy=1.26"),
                CondaSpec("gdal >=3", channel="conda-forge"),
            ),
            channels=("conda-forge",),
        ),
    )


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy =1.26", "numpy==1.26.*"),
        ("numpy 1.26.4", "numpy==1.26.4"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("numpy=1.26.*", "numpy==1.26.*"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy 1.26.4 py311h64a7726_0", "numpy==1.26.4"),
        ("conda-forge::numpy >=1.2, <2", "numpy<2,>=1.2"),
        ("numpy!=1.26.*", "numpy!=1.26.*"),
        ("numpy~=1.26", "numpy~=1.26"),
        ("numpy *", "numpy"),
    ],
)
def test_condas_packages_become_those_of_pypi_where_that_is_wished(
    tmp_path: Path, package: str, line: str
) -> None:
    asked = read(tmp_path, f"dependencies: [python=3.11, '{package}', {{pip: [six]}}]")

    found = conda_from_pypi(asked)

    assert found.lines == ("six", line)
    assert found.requires_python == "==3.11.*"
    assert found.conda is None
    assert found.notes == (
        "environment.yml takes numpy from conda; they were installed from PyPI instead, by name",
    )


def test_a_file_without_conda_packages_is_left_as_it_is(tmp_path: Path) -> None:
    asked = read(tmp_path, "dependencies: [python=3.11, {pip: [six]}]")

    assert conda_from_pypi(asked) is asked


@pytest.mark.parametrize("package", ["numpy=1.26|2.0", "numpy[build=py3*]", "numpy 1 2 3"])
def test_what_pypi_cannot_have_is_named(tmp_path: Path, package: str) -> None:
    asked = read(tmp_path, f"dependencies: ['{package}']")

    with pytest.raises(LockError, match=r"environment\.yml: numpy: .* is not a version such as"):
        conda_from_pypi(asked)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dependencies: [", "environment.yml is not valid YAML"),
        ("name: !!python/object:os.system x", "environment.yml is not valid YAML"),
        ("name: 2024-99-99", "environment.yml is not valid YAML"),
        ("[" * 5000, "environment.yml is not valid YAML"),
        ("", "environment.yml: dependencies: not a list"),
        ("name: harbor", "environment.yml: dependencies: not a list"),
        ("dependencies: [3]", "environment.yml: dependencies[0]: neither a package nor `pip:`"),
        ("dependencies: [{pip: six}]", "environment.yml: dependencies[0]: neither a package nor"),
        ("dependencies: [{pip: [3]}]", "environment.yml: dependencies[0]: neither a package nor"),
        ("dependencies: ['numpy @ https://h/x']", "'numpy @ https://h/x' is not a conda package"),
        ("dependencies: [six]\nchannels: forge", "environment.yml: channels: not a list of names"),
        (
            "dependencies: [six]\nchannels: ['https://bob:pw@host/forge']",
            "environment.yml: channels[0]: a password or token does not belong in git",
        ),
        ("dependencies: ['python=3.9|3.10']", "environment.yml: python: '=3.9|3.10' is not a ver"),
        ("dependencies: [{pip: [-e .]}]", "environment.yml: . does not have any of pyproject.toml"),
        (
            "dependencies: [{pip: ['--extra-index-url https://bob:pw@host']}]",
            "environment.yml: --extra-index-url names a package index",
        ),
        ("dependencies: [{pip: [-r gone.txt]}]", "environment.yml: gone.txt does not exist"),
    ],
)
def test_what_cannot_be_used_is_reported(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, text)

    assert problem in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_bytes(b"\xff")

    with pytest.raises(LockError, match=r"environment\.yml cannot be read: it is not UTF-8"):
        read_conda_file(tmp_path / "environment.yml", root=tmp_path)
