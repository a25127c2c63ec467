"""What every installer does, with the real tools and an index of our own."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pytest
from environments import build_new_environment
from local_index import PASSWORD, LocalIndex, only_index, sha256, use_index, wheel

from pytest_flowrepro.environment import InstallRequest, build_notes, find_interpreter
from pytest_flowrepro.environment.uv import UvInstaller
from pytest_flowrepro.environment.wheelhouse import wheelhouse
from pytest_flowrepro.installers.index_settings import pip_tool, without_index
from pytest_flowrepro.lock.pip_tools import one_platform_header
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Interpreter
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.environment.wheelhouse.wheelhouse import Wheels
    from pytest_flowrepro.model import BuiltEnvironment

pytestmark = pytest.mark.slow

Tool: TypeAlias = Literal["uv", "pip-tools"]

both = pytest.mark.parametrize("tool", ["uv", "pip-tools"])

ALPHA = "alpha-1.0-py3-none-any.whl"
BETA = "beta-1.0-py3-none-any.whl"
OTHER_HASH = "0" * 64
OURS = Path(sys.executable)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    monkeypatch.chdir(tmp_path)
    with only_index(monkeypatch, tmp_path) as index:
        index.add(
            wheel(
                "alpha",
                "1.0",
                requires=["beta"],
                console_script="alpha",
                files={
                    "alpha-1.0.data/data/share/alpha/table.txt": "1 2 3\n",
                    "alpha-1.0.data/headers/alpha.h": "int alpha;\n",
                    "alpha-1.0.data/scripts/alpha-tool": "#!python\nprint()\n",
                },
            )
        )
        index.add(wheel("beta", "1.0"))
        index.add(wheel("beta", "2.0"))
        yield index


def build(tool: Tool, lock: str, *, timeout: float = 60, python: Path = OURS) -> BuiltEnvironment:
    return build_new_environment(
        parse_pypi(lock),
        InstallRequest(name="base", installer=tool, timeout=timeout),
        requirements=("alpha",),
        python=python,
        folder=Path.cwd() / tool,
    )


def failure(
    tool: Tool, lock: str, *, timeout: float = 60, python: Path = OURS
) -> EnvironmentBuildError:
    with pytest.raises(EnvironmentBuildError) as caught:
        build(tool, lock, timeout=timeout, python=python)
    assert PASSWORD not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    return caught.value


def test_both_tools_give_the_same_manifest(index: LocalIndex) -> None:
    lock = index.lock(ALPHA, BETA)

    by_uv, by_pip = build("uv", lock), build("pip-tools", lock)

    assert by_uv.manifest == by_pip.manifest
    assert [package.name for package in by_uv.manifest.packages] == ["alpha", "beta"]
    for built in (by_uv, by_pip):
        assert (built.path / "bin" / "alpha-tool").exists()
        assert not list(built.path.rglob("*.pyc"))


@both
def test_a_file_that_is_not_what_was_locked_is_named_with_both_hashes(
    tool: Tool, index: LocalIndex
) -> None:
    got = sha256(index.files[ALPHA])
    error = failure(tool, index.lock(ALPHA, BETA).replace(got, OTHER_HASH))

    assert error.what.startswith("alpha==1.0 on the index is not the file that was locked:")
    assert f"expected sha256:{OTHER_HASH}" in error.what.replace("sha256 ", "sha256:")
    assert got in error.what


@both
def test_a_locked_version_that_is_gone_is_named(tool: Tool, index: LocalIndex) -> None:
    error = failure(tool, index.lock(BETA).replace("beta==1.0", "beta==1.5"))

    assert error.what.startswith("beta==1.5 is locked, but ")
    assert "--flow-repro-update" in error.hint


@both
def test_a_listed_file_that_the_index_does_not_give_is_named(tool: Tool, index: LocalIndex) -> None:
    lock = index.lock(BETA)
    index.missing.add(BETA)

    assert failure(tool, lock).what == "beta==1.0 is locked, but is no longer on the index"


@both
def test_a_yanked_version_is_still_installed_because_the_lock_says_so(
    tool: Tool, index: LocalIndex
) -> None:
    index.yanked.add(BETA)

    (package,) = build(tool, index.lock(BETA)).manifest.packages

    assert package.version == "1.0"


@both
def test_a_lock_of_another_platform_is_reported(tool: Tool, index: LocalIndex) -> None:
    index.add(wheel("gamma", "1.0", tag="py3-none-win_amd64"))

    error = failure(tool, index.lock("gamma-1.0-py3-none-win_amd64.whl"))

    assert "gamma==1.0" in error.what
    assert "for this machine" in error.what


def test_a_lock_for_one_platform_is_reported_if_it_fails_on_another(index: LocalIndex) -> None:
    index.add(wheel("gamma", "1.0", tag="py3-none-macosx_11_0_arm64"))
    lock = index.lock("gamma-1.0-py3-none-macosx_11_0_arm64.whl")

    error = failure("uv", f"# By pip-tools, for darwin arm64 only.\n{lock}")

    assert error.what == "gamma==1.0 has no wheel for this machine"
    assert error.detail.startswith("pip-tools made the lock for darwin arm64 only, and ")
    assert "record again with uv" in error.detail
    assert "pip-tools" not in failure("uv", f"{one_platform_header()}\n{lock}").detail


def test_a_python_that_pip_no_longer_supports_is_reported_with_what_to_use(
    index: LocalIndex,
) -> None:
    try:
        python = find_interpreter(requested=Interpreter("cpython", "3.9"))
    except EnvironmentBuildError as missing:
        pytest.skip(missing.what)

    error = failure("pip-tools", index.lock(BETA), python=python)

    assert error.what.startswith("The installed pip no longer supports Python 3.9,")
    assert "--flow-repro-installer=uv" in error.hint
    assert build("uv", index.lock(BETA), python=python).manifest.python.minor == "3.9"


@both
def test_a_source_distribution_is_never_built(tool: Tool, index: LocalIndex) -> None:
    index.files["gamma-1.0.tar.gz"] = b"never opened"

    error = failure(tool, f"gamma==1.0 --hash=sha256:{sha256(b'never opened')}")

    assert error.what.startswith(
        {
            "uv": "gamma==1.0 has no wheel for this machine",
            "pip-tools": "gamma==1.0 is locked, but",
        }[tool]
    )


@both
@pytest.mark.parametrize(
    ("status", "what"), [(503, "cannot be reached"), (403, "refuses access (401 or 403)")]
)
def test_an_index_that_does_not_answer_is_not_a_missing_file(
    tool: Tool, index: LocalIndex, status: int, what: str
) -> None:
    index.status = status

    assert what in failure(tool, index.lock(BETA)).what


@both
def test_an_index_that_is_down_is_reported(
    tool: Tool, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_index(monkeypatch, "http://127.0.0.1:9/simple")

    assert failure(tool, index.lock(BETA)).what == (
        "The package index at 127.0.0.1:9 cannot be reached"
    )


@both
def test_an_index_that_hangs_ends_with_the_deadline(tool: Tool, index: LocalIndex) -> None:
    index.hangs = True

    assert "did not finish" in failure(tool, index.lock(BETA), timeout=0.5).what


def installed_module(built: BuiltEnvironment) -> Path:
    (module,) = built.path.rglob("beta.py")
    return module


@both
def test_what_a_flow_edits_in_place_is_not_in_the_next_environment(
    tool: Tool, index: LocalIndex
) -> None:
    lock = index.lock(BETA)
    module = installed_module(build(tool, lock))
    original = module.read_text()
    with module.open("a") as file:
        file.write("VERSION = 'edited'\n")

    again = installed_module(build(tool, lock))

    assert again.read_text() == original


@both
def test_an_installed_file_is_the_environments_alone(
    tool: Tool, index: LocalIndex, tmp_path: Path
) -> None:
    built = build(tool, index.lock(ALPHA, BETA))

    files = [file for file in built.path.rglob("*") if file.is_file() and not file.is_symlink()]
    assert {file.stat().st_nlink for file in files} == {1}
    assert not list(tmp_path.glob("*CACHE*/**/beta.py"))


def test_what_uv_installs_is_downloaded_once(index: LocalIndex, tmp_path: Path) -> None:
    first = build("uv", index.lock(BETA))
    again = build("uv", index.lock(BETA))

    assert again.manifest == first.manifest
    assert index.asked.count(f"/files/{BETA}") == 1
    assert not (tmp_path / "UV_CACHE_DIR").exists()
    assert not (tmp_path / "PIP_CACHE_DIR").exists()
    (kept,) = (tmp_path / "XDG_CACHE_HOME" / "pytest-flowrepro" / "wheels").rglob("*.whl")
    assert kept.read_bytes() == index.files[BETA]


@pytest.mark.parametrize("forged", [wheel("beta", "1.0", files={"evil.py": ""})[1], b"cut off"])
def test_a_cached_wheel_is_gone_by_where_it_has_the_hash_of_the_lock_alone(
    index: LocalIndex, tmp_path: Path, forged: bytes
) -> None:
    lock = index.lock(BETA)
    build("uv", lock)
    (kept,) = (tmp_path / "XDG_CACHE_HOME").rglob("*.whl")
    kept.write_bytes(forged)

    built = build("uv", lock)

    assert not list(built.path.rglob("evil.py"))
    assert kept.read_bytes() == index.files[BETA]


def test_a_wheel_that_changes_between_its_hash_and_its_use_is_refused(
    index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = index.lock(BETA)
    build("uv", lock)
    install = UvInstaller.install

    def change_first(*args: Any, wheels: Wheels, **given: Any) -> None:
        assert wheels.folder is not None
        (wheels.folder / BETA).resolve().write_bytes(wheel("beta", "1.0", files={"e.py": ""})[1])
        install(*args, wheels=wheels, **given)

    monkeypatch.setattr(UvInstaller, "install", change_first)

    assert "is not the file that was locked" in failure("uv", lock).what


def test_uv_is_asked_where_pip_finds_no_way_to_the_index(
    index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        wheelhouse, "download_tool", lambda *_, **__: without_index(pip_tool("pip"))
    )

    built = build("uv", index.lock(BETA))

    assert installed_module(built).stat().st_nlink == 1
    assert not (built.path / "uv-cache").exists()


def test_uv_does_without_a_cache_that_cannot_be_written_and_says_so(
    index: LocalIndex, tmp_path: Path
) -> None:
    (tmp_path / "XDG_CACHE_HOME").write_text("in the way")

    built = build("uv", index.lock(BETA))

    (note,) = build_notes(built.path)
    assert (
        note == "the cache of pytest-flowrepro cannot be written, so packages were downloaded again"
    )


def repacked(data: bytes, changed: dict[str, bytes]) -> bytes:
    """A wheel with other files, or more of them, than its RECORD says."""
    before, after = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    files = {one: before.read(one) for one in before.namelist()} | changed
    with zipfile.ZipFile(after, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return after.getvalue()


@both
def test_a_file_that_a_wheel_brings_and_does_not_record_is_not_wrong(
    tool: Tool, index: LocalIndex
) -> None:
    name, data = wheel("gamma", "1.0")
    index.add((name, repacked(data, {"data.txt": b"1 2 3"})))

    assert build(tool, index.lock(name)).manifest.packages


@both
def test_a_wheel_that_is_what_was_locked_is_installed_whatever_its_record_says(
    tool: Tool, index: LocalIndex
) -> None:
    name, data = wheel("gamma", "1.0")
    index.add((name, repacked(data, {"gamma.py": b"edited"})))

    (module,) = build(tool, index.lock(name)).path.rglob("gamma.py")

    assert module.read_text() == "edited"
