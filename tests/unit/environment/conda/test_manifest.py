from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from local_channel import changed_files

from pytest_flowrepro.environment.conda.manifest import check_installed, read_prefix
from pytest_flowrepro.lockfile.conda import format_explicit, parse_conda
from pytest_flowrepro.model import CondaLock, CondaSpec, Package
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Place = Callable[..., None]

FORGE = "https://conda.anaconda.org/conda-forge"
HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"  # of "hello\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    def placed(name: str, version: str, *, depends: tuple[str, ...] = (), **other: object) -> None:
        meta: dict[str, Any] = {
            "name": name,
            "version": version,
            "build": "py311_0",
            "subdir": "linux-64",
            "sha256": name[0] * 64,
            "depends": list(depends),
            "paths_data": {"paths": []},
        }
        folder = tmp_path / "conda-meta"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps({**meta, **other}), "utf-8")

    return placed


def test_packages_are_read_with_who_needs_them(place: Place, tmp_path: Path) -> None:
    place("pandas", "2.1.1", depends=("python >=3.11,<3.12.0a0", "numpy >=1.23,<2"))
    place("numpy", "1.26.0", depends=("python", "libblas[version='>=3']"))
    place("python", "3.11.7")
    found = read_prefix(
        tmp_path, specs=(CondaSpec("pandas==2.1.1", FORGE), CondaSpec("python==3.11.7"))
    )
    assert found == (
        Package(
            name="numpy",
            version="1.26.0",
            record=f"sha256:{'n' * 64}",
            via=("pandas",),
            wheel="linux-64/py311_0",
        ),
        Package(
            name="pandas",
            version="2.1.1",
            record=f"sha256:{'p' * 64}",
            via=(),
            wheel="linux-64/py311_0",
        ),
        Package(
            name="python",
            version="3.11.7",
            record=f"sha256:{'p' * 64}",
            via=(),
            wheel="linux-64/py311_0",
        ),
    )


def test_a_prefix_whose_metadata_is_broken_is_named(place: Place, tmp_path: Path) -> None:
    place("six", "1.16.0")
    (tmp_path / "conda-meta" / "six.json").write_text("{", "utf-8")
    with pytest.raises(EnvironmentBuildError, match=r"conda-meta/six\.json"):
        read_prefix(tmp_path, specs=())


SIX = Package(
    name="six", version="1.16.0", record=f"sha256:{'a' * 64}", via=(), wheel="noarch/py_0"
)
PYTHON = replace(SIX, name="python", version="3.11.7", wheel="linux-64/0_cpython")


@pytest.fixture
def lock() -> CondaLock:
    archives = ("noarch/six-1.16.0-py_0.conda", "linux-64/python-3.11.7-0_cpython.conda")
    lines = [(f"{FORGE}/{archive}", "a" * 64) for archive in archives]
    return parse_conda(format_explicit("linux-64", lines))


def test_what_is_installed_may_be_what_is_locked(lock: CondaLock) -> None:
    check_installed((PYTHON, SIX), lock, "step-train")


def test_a_lock_without_python_is_refused(lock: CondaLock) -> None:
    without = replace(lock, archives=lock.archives[1:])
    with pytest.raises(EnvironmentBuildError) as caught:
        check_installed((SIX,), without, "step-train")
    assert caught.value.detail == "the lock has no python"


@pytest.mark.parametrize(
    ("installed", "problem"),
    [
        ((), "six is missing"),
        ((SIX, replace(SIX, name="tqdm")), "tqdm is not in the lock"),
        ((replace(SIX, version="1.15.0"),), "six is 1.15.0 (noarch/py_0"),
        ((replace(SIX, wheel="noarch/py_1"),), "six is 1.16.0 (noarch/py_1"),
        ((replace(SIX, wheel="linux-64/py_0"),), "six is 1.16.0 (linux-64/py_0"),
        ((replace(SIX, record=f"sha256:{'b' * 64}"),), "sha256:bbbbbbbbbbbb"),
    ],
)
def test_what_is_not_as_locked_is_named(
    lock: CondaLock, installed: tuple[Package, ...], problem: str
) -> None:
    with pytest.raises(EnvironmentBuildError, match="step-train does not match its lock") as e:
        check_installed((PYTHON, *installed), lock, "step-train")
    assert problem in e.value.detail


def test_files_that_are_not_as_they_were_installed_are_named(place: Place, tmp_path: Path) -> None:
    entry = {"path_type": "hardlink", "sha256": HELLO, "size_in_bytes": 6}
    prefixed = {**entry, "sha256": "f" * 64, "sha256_in_prefix": HELLO}
    files: dict[str, Any] = {"as.txt": entry, "gone.txt": entry, "edited.txt": entry}
    files |= {"prefixed.txt": prefixed, "link": {"path_type": "softlink"}}
    place("six", "1", paths_data={"paths": [{"_path": k, **v} for k, v in files.items()]})
    for name in ("as.txt", "prefixed.txt"):
        (tmp_path / name).write_text("hello\n", "utf-8")
    (tmp_path / "edited.txt").write_text("hellO\n", "utf-8")
    (tmp_path / "link").symlink_to("as.txt")
    assert changed_files(tmp_path) == ("edited.txt", "gone.txt")
