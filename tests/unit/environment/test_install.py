from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_flowrepro.environment.install import compare, install_locked, leave_notes
from pytest_flowrepro.environment.interpreter import create_virtualenv
from pytest_flowrepro.environment.manifest import site_packages
from pytest_flowrepro.environment.request import InstallRequest
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import LockedPackage
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from local_index import LocalIndex

PREINSTALLED = {"numpy": "1.26.4", "torch": "2.1.0.post300"}


def locked(**versions: str) -> tuple[LockedPackage, ...]:
    return tuple(
        LockedPackage(name=name, version=version, marker=None, hashes=())
        for name, version in versions.items()
    )


@pytest.mark.parametrize(
    ("there", "lock", "problem"),
    [
        ({"a": "1.0"}, locked(a="1.0", b="1.0"), "b is missing"),
        ({"a": "1.0"}, (), "a is not in the lock"),
        ({"a": "1.0"}, locked(a="1.1"), "a is 1.0, but 1.1 in the lock"),
        ({"numpy": "2.0"}, (), "numpy is 2.0, but 1.26.4 in the lock"),
        ({"numpy": None}, (), "numpy is missing"),
    ],
)
def test_what_is_installed_is_what_was_given_and_what_the_lock_says(
    there: dict[str, str | None], lock: tuple[LockedPackage, ...], problem: str
) -> None:
    installed = {name: version for name, version in {**PREINSTALLED, **there}.items() if version}

    with pytest.raises(EnvironmentBuildError) as caught:
        compare(installed, lock, preinstalled=PREINSTALLED, name="base")

    assert caught.value.detail == problem


def test_versions_are_compared_as_versions() -> None:
    compare({**PREINSTALLED, "a": "1.0"}, locked(a="1.0.0"), preinstalled=PREINSTALLED, name="base")


@pytest.mark.parametrize("tool", ["uv", "pip-tools"])
def test_no_file_that_was_there_is_replaced(
    tool: Literal["uv", "pip-tools"], index: LocalIndex, tmp_path: Path
) -> None:
    folder = tmp_path / "prefix"

    def create(_: float) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        python = create_virtualenv(folder, python=Path(sys.executable))
        (site_packages(folder) / "beta.py").write_text("of conda's, without a distribution\n")
        leave_notes(folder, ("a note",))
        return python

    lock = parse_pypi(index.lock("beta-1.0-py3-none-any.whl"))

    with pytest.raises(EnvironmentBuildError, match=r"overwrite files .* lib/\S+/beta\.py\n") as e:
        install_locked(
            lock,
            folder,
            InstallRequest(name="base", installer=tool, timeout=60),
            create=create,
        )

    assert "all from conda, or all from PyPI" in e.value.hint


def test_what_was_there_may_be_added_to(index: LocalIndex, tmp_path: Path) -> None:
    def create(_: float) -> Path:
        return create_virtualenv(tmp_path / "prefix", python=Path(sys.executable))

    lock = parse_pypi(index.lock("beta-1.0-py3-none-any.whl"))
    install_locked(
        lock,
        tmp_path / "prefix",
        InstallRequest(name="base", installer="uv", timeout=60),
        create=create,
    )
    assert list((tmp_path / "prefix").rglob("beta.py"))
