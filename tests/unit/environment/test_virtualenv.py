from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from environments import build_environment, build_new_environment
from filelock import FileLock
from requirement_lines import requirement_lines

from pytest_flowrepro.environment import InstallRequest, VirtualenvBuilder, manifest, virtualenv
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Interpreter, Requirements
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from local_index import LocalIndex

    from pytest_flowrepro.model import BuiltEnvironment, Package

pytestmark = pytest.mark.slow

HASH = "sha256:" + "0" * 64
BETA = "beta-1.0-py3-none-any.whl"


def build(lock: str, *requirements: str) -> BuiltEnvironment:
    return build_new_environment(
        parse_pypi(lock),
        InstallRequest(name="base", installer="uv", timeout=60),
        requirements=requirements,
        folder=Path.cwd() / "environment",
    )


def shared(
    lock: str, *requirements: str, name: str = "base", timeout: float = 60
) -> BuiltEnvironment:
    return build_environment(
        parse_pypi(lock),
        InstallRequest(name=name, installer="uv", timeout=timeout),
        requirements=requirements,
        folder=Path.cwd() / "session",
    )


def output(built: BuiltEnvironment, code: str) -> str:
    done = subprocess.run([built.python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_packages_of_a_shared_environment_are_read_once(
    index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def read_manifest(place: Path, **kwargs: Any) -> tuple[Package, ...]:
        read.append(place)
        return manifest.read_manifest(place, **kwargs)

    monkeypatch.setattr(virtualenv, "read_manifest", read_manifest)
    first, second = (shared(index.lock(BETA), "beta", name=name) for name in ("base", "step-a"))
    assert first.manifest.packages == second.manifest.packages
    assert read == [first.path]
    (beta,) = shared(index.lock(BETA), name="base").manifest.packages
    assert beta == first.manifest.packages[0]
    assert len(read) == 2, "others may require what this one does not"


def test_an_environment_holds_the_lock_and_nothing_else(index: LocalIndex) -> None:
    built = build(index.lock(BETA), "beta")

    names = output(
        built,
        "from importlib.metadata import distributions\nprint(*[d.name for d in distributions()])",
    )
    assert names == "beta"
    assert built.manifest.python == Interpreter("cpython", ".".join(map(str, sys.version_info[:3])))
    assert built.manifest.lock.text == index.lock(BETA)


def test_notes_of_the_requirements_and_of_the_lock_are_those_of_the_environment(
    index: LocalIndex,
) -> None:
    builder = VirtualenvBuilder(
        lock=replace(parse_pypi(index.lock(BETA)), notes=("of the lock",)),
        requirements=Requirements(
            requirements=requirement_lines("beta"), source="a.txt", notes=("of the file",)
        ),
        python=Path(sys.executable),
    )
    request = InstallRequest(name="base", installer="uv", timeout=60)
    built = builder.build(request, Path.cwd() / "environment")
    assert built.notes == ("of the file", "of the lock")


def test_nothing_of_the_system_or_the_user_is_importable(
    index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "virtualenv").mkdir()
    settings = "[virtualenv]\nsystem_site_packages = true\n"
    (tmp_path / "virtualenv" / "virtualenv.ini").write_text(settings)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("VIRTUALENV_SYSTEM_SITE_PACKAGES", "1")

    built = build(index.lock(BETA), "beta")

    assert output(built, "import site; print(site.ENABLE_USER_SITE)") == "False"
    assert "include-system-site-packages = false" in (built.path / "pyvenv.cfg").read_text()


def test_a_package_that_is_only_for_another_platform_is_not_missed(index: LocalIndex) -> None:
    lock = index.lock(BETA) + f"windows==1.0 ; sys_platform == 'win32' --hash={HASH}\n"

    assert [package.name for package in build(lock, "beta").manifest.packages] == ["beta"]


def test_what_is_built_once_is_shared_by_all_who_ask_for_the_same_lock(index: LocalIndex) -> None:
    lock = index.lock(BETA, "alpha-1.0-py3-none-any.whl")
    first = shared(lock, "alpha")
    index.status = 500

    second = shared(lock, "alpha", "beta", name="train")

    assert second.path == first.path
    assert second.manifest.name == "train"
    assert [package.via for package in first.manifest.packages] == [(), ("alpha",)]
    assert [package.via for package in second.manifest.packages] == [(), ()]


def test_a_lock_with_other_contents_has_another_environment(index: LocalIndex) -> None:
    lock = index.lock(BETA)
    built = shared(lock)
    assert shared(f"# by another tool\n{lock}    # via -r requirements.txt\n").path == built.path
    assert shared(index.lock(BETA, "alpha-1.0-py3-none-any.whl")).path != built.path


def test_a_half_built_environment_is_never_used(index: LocalIndex) -> None:
    built = shared(index.lock(BETA), "beta")
    (built.path / "flowrepro-complete").unlink()
    (built.path / "leftover").touch()

    again = shared(index.lock(BETA), "beta")

    assert again.path == built.path
    assert not (again.path / "leftover").exists()


def test_a_failed_build_is_tried_again_by_the_next_who_asks(index: LocalIndex) -> None:
    index.status = 503
    with pytest.raises(EnvironmentBuildError, match="cannot be reached"):
        shared(index.lock(BETA), "beta")
    index.status = None

    assert shared(index.lock(BETA), "beta").manifest.packages


@pytest.mark.parametrize("file", ["beta.py", "added.py"])
def test_an_environment_that_a_flow_edited_is_left_to_that_flow(
    index: LocalIndex, file: str
) -> None:
    used = shared(index.lock(BETA), "beta")
    (site_packages,) = used.path.glob("lib/*/site-packages")
    (site_packages / file).write_text("VERSION = 'edited'")

    fresh = shared(index.lock(BETA), "beta")

    assert output(fresh, "import beta; print(beta.VERSION)") == "1.0"
    assert fresh.path != used.path
    assert used.path.exists()


def test_bytecode_that_a_flow_wrote_is_not_an_edit(index: LocalIndex) -> None:
    used = shared(index.lock(BETA), "beta")
    (site_packages,) = used.path.glob("lib/*/site-packages")
    subprocess.run([used.python, "-m", "compileall", "-q", site_packages], check=True)
    assert list(site_packages.rglob("*.pyc"))

    assert shared(index.lock(BETA), "beta").path == used.path


def test_waiting_for_another_worker_has_a_deadline(index: LocalIndex) -> None:
    built = shared(index.lock(BETA), "beta")
    lock_file = built.path.parent / f"{built.path.name.rpartition('-')[0]}.lock"

    with (
        FileLock(lock_file, is_singleton=False),
        pytest.raises(EnvironmentBuildError, match="Another worker is still building"),
    ):
        shared(index.lock(BETA), "beta", timeout=0.2)


def test_a_folder_that_cannot_be_written_is_reported(index: LocalIndex, tmp_path: Path) -> None:
    (tmp_path / "session").write_text("a file where the folder should be")

    with pytest.raises(EnvironmentBuildError, match=r"cannot be built in .*session"):
        shared(index.lock(BETA), "beta")


def test_an_interpreter_that_does_not_exist_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(EnvironmentBuildError, match="Could not create a virtualenv"):
        build_new_environment(
            parse_pypi(f"beta==1.0 --hash={HASH}"),
            InstallRequest(name="base", installer="uv", timeout=60),
            requirements=(),
            python=tmp_path / "no-python",
            folder=tmp_path / "environment",
        )
