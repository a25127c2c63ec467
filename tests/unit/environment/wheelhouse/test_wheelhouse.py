"""Environments from a wheelhouse, with the real tools and an index of our own."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest
from environments import build_new_environment
from local_index import PASSWORD, LocalIndex, sha256, switch_index_off, wheel
from packaging.tags import Tag, sys_tags

from pytest_flowrepro.environment import InstallRequest, Wheelhouse, build_notes
from pytest_flowrepro.environment.wheelhouse.wheelhouse import supported_tags
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Interpreter
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from pytest_flowrepro.model import BuiltEnvironment

pytestmark = pytest.mark.slow

Tool: TypeAlias = Literal["uv", "pip-tools"]

both = pytest.mark.parametrize("tool", ["uv", "pip-tools"])

ALPHA = "alpha-1.0-py3-none-any.whl"
BETA = "beta-1.0-py3-none-any.whl"


def build(tool: Tool, lock: str, wheelhouse: Wheelhouse | None) -> BuiltEnvironment:
    return build_new_environment(
        parse_pypi(lock),
        InstallRequest(name="base", installer=tool, timeout=60, wheelhouse=wheelhouse),
        requirements=("alpha",),
        folder=Path.cwd() / "environment",
    )


def saving() -> Wheelhouse:
    return Wheelhouse(location=str(Path.cwd() / "wheels"), save=True)


def reading() -> Wheelhouse:
    return Wheelhouse(location=str(Path.cwd() / "wheels"))


def wheels() -> dict[str, str]:
    """File name -> the hash that it lies under."""
    return {file.name: file.parent.name for file in Path("wheels").rglob("*.whl")}


@both
def test_what_was_recorded_is_rebuilt_without_any_index(
    tool: Tool, index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = index.lock(ALPHA, BETA)
    from_index = build(tool, lock, None).manifest
    recorded = build(tool, lock, saving()).manifest
    switch_index_off(monkeypatch, tmp_path)

    rebuilt = build(tool, lock, reading())

    assert rebuilt.manifest == recorded == from_index
    assert [package.direct_url for package in rebuilt.manifest.packages] == [None, None]
    assert not list(rebuilt.path.rglob("direct_url.json"))
    assert build_notes(rebuilt.path) == ()
    assert wheels() == {name: sha256(index.files[name]) for name in (ALPHA, BETA)}
    assert not (rebuilt.path / "wheels").exists()
    with pytest.raises(EnvironmentBuildError, match="cannot be reached"):
        build(tool, lock, None)


@both
def test_a_wheel_from_a_url_is_rebuilt_when_nothing_is_there_any_more(
    tool: Tool, index: LocalIndex
) -> None:
    url = f"{index.url.removesuffix('simple')}files/{BETA}"
    lock = index.lock(BETA).replace("beta==1.0", f"beta @ {url}")
    from_url = build(tool, lock, None).manifest
    recorded = build(tool, lock, saving()).manifest
    del index.files[BETA]

    rebuilt = build(tool, lock, reading()).manifest

    assert rebuilt == recorded == from_url
    assert [(one.version, one.direct_url) for one in rebuilt.packages] == [("1.0", url)]


def test_uv_leaves_nothing_of_a_wheelhouse_in_its_cache_nor_links_to_it(
    index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build("uv", index.lock(BETA), saving())
    switch_index_off(monkeypatch, tmp_path)

    rebuilt = build("uv", index.lock(BETA), reading())

    (module,) = rebuilt.path.rglob("beta.py")
    assert module.stat().st_nlink == 1
    assert not (rebuilt.path / "uv-cache").exists()
    assert not list(Path("empty").rglob("beta*"))


@both
def test_a_yanked_or_deleted_release_is_still_rebuilt_without_an_index(
    tool: Tool, index: LocalIndex
) -> None:
    lock = index.lock(ALPHA, BETA)
    build("uv", lock, saving())
    del index.files[BETA]
    index.asked.clear()

    rebuilt = build(tool, lock, reading())

    assert [package.name for package in rebuilt.manifest.packages] == ["alpha", "beta"]
    assert index.asked == []


@both
def test_what_the_wheelhouse_does_not_have_comes_from_the_index_and_is_reported(
    tool: Tool, index: LocalIndex
) -> None:
    build(tool, index.lock(BETA), saving())

    rebuilt = build(tool, index.lock(ALPHA, BETA), reading())

    assert len(rebuilt.manifest.packages) == 2
    (note,) = build_notes(rebuilt.path)
    assert note == "the wheelhouse does not have alpha==1.0; the package index was used instead"
    assert list(wheels()) == [BETA], "a check writes nothing"


def test_what_neither_has_is_reported_with_both(
    index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = index.lock(ALPHA, BETA)
    build("uv", index.lock(BETA), saving())
    switch_index_off(monkeypatch, tmp_path)

    with pytest.raises(EnvironmentBuildError) as caught:
        build("uv", lock, reading())

    assert caught.value.what == "The package index at 127.0.0.1:9 cannot be reached"
    assert "the wheelhouse does not have alpha==1.0" in caught.value.detail


def test_a_poisoned_wheel_is_refused_and_named(index: LocalIndex) -> None:
    lock = index.lock(BETA)
    build("uv", lock, saving())
    (place,) = Path("wheels").rglob(BETA)
    _, poison = wheel("beta", "1.0", files={"beta_backdoor.py": "print('hello')\n"})
    place.write_bytes(poison)

    for wheelhouse in (reading(), saving()):
        with pytest.raises(EnvironmentBuildError) as caught:
            build("uv", lock, wheelhouse)
        assert caught.value.what == (
            f"{BETA} in the wheelhouse {Path.cwd() / 'wheels'} is not the file that was locked: "
            f"expected sha256:{sha256(index.files[BETA])}, got sha256:{sha256(poison)}"
        )
        assert f"delete sha256/{sha256(index.files[BETA])}/{BETA}" in caught.value.hint


def test_a_check_skips_a_wheelhouse_that_cannot_be_read_and_reports_it(
    index: LocalIndex,
) -> None:
    build("uv", index.lock(BETA), saving())
    (place,) = Path("wheels").rglob(BETA)
    place.unlink()
    place.symlink_to("gone")

    rebuilt = build("uv", index.lock(BETA), reading())

    (note,) = build_notes(rebuilt.path)
    assert note.startswith(f"{BETA} in the wheelhouse ")
    assert note.endswith("cannot be read; the package index was used instead")
    with pytest.raises(EnvironmentBuildError, match="cannot be read"):
        build("uv", index.lock(BETA), saving())


def test_a_recording_whose_wheels_cannot_be_saved_fails(index: LocalIndex) -> None:
    Path("wheels").write_text("a file where the folder should be")

    with pytest.raises(EnvironmentBuildError, match="so the wheels were not saved"):
        build("uv", index.lock(BETA), saving())


@both
def test_a_recording_whose_wheels_are_gone_from_the_index_fails(
    tool: Tool, index: LocalIndex
) -> None:
    lock = index.lock(BETA)
    index.missing.add(BETA)

    with pytest.raises(EnvironmentBuildError) as caught:
        build(tool, lock, saving())

    assert caught.value.what == "beta==1.0 is locked, but is no longer on the index"
    assert PASSWORD not in str(caught.value)


def test_a_second_recording_asks_the_index_for_nothing_that_is_saved(
    index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build("uv", index.lock(BETA), saving())
    switch_index_off(monkeypatch, tmp_path)

    assert build("uv", index.lock(BETA), saving()).manifest.packages


def test_of_several_wheels_the_one_for_this_machine_is_taken(index: LocalIndex) -> None:
    best = f"gamma-1.0-{next(iter(sys_tags()))}.whl"
    files = ("gamma-1.0-py3-none-any.whl", best, "gamma-1.0-py3-none-win_amd64.whl")
    place = Path("wheels/sha256")
    for name in files:
        made, data = wheel("gamma", "1.0", tag=name.removeprefix("gamma-1.0-")[:-4])
        index.add((made, data))
        (place / sha256(data)).mkdir(parents=True)
        (place / sha256(data) / name).write_bytes(data)
    hashes = " ".join(f"--hash=sha256:{sha256(index.files[name])}" for name in files)

    rebuilt = build("uv", f"gamma==1.0 {hashes}\n", reading())

    (tag,) = rebuilt.path.rglob("gamma-1.0.dist-info/WHEEL")
    assert tag.read_text().endswith(f"Tag: {best.removeprefix('gamma-1.0-')[:-4]}\n")


@pytest.mark.parametrize(
    "name", ["delta-1.0-py3-none-any.whl", "beta-2.0-py3-none-any.whl", "x.whl"]
)
def test_a_file_under_another_name_is_not_taken(name: str, index: LocalIndex) -> None:
    folder = Path("wheels/sha256") / sha256(index.files[BETA])
    folder.mkdir(parents=True)
    (folder / name).write_bytes(index.files[BETA])

    rebuilt = build("uv", index.lock(BETA), reading())

    assert "does not have beta==1.0" in build_notes(rebuilt.path)[0]


def test_tags_are_those_of_the_environments_interpreter() -> None:
    ours = supported_tags(Interpreter("cpython", f"{platform.python_version()}"))
    assert list(ours) == list(dict.fromkeys(sys_tags()))
    newer = supported_tags(Interpreter("cpython", "3.12.1"))
    assert {tag.interpreter for tag in newer} >= {"cp312", "py312", "py3"}
    assert Tag("cp312", "cp312", next(iter(ours)).platform) in newer
    assert all(
        tag.platform != "any" or tag.abi == "none"
        for tag in supported_tags(Interpreter("pypy", "3.10.1"))
    )
    assert "pp310" not in {tag.interpreter for tag in supported_tags(Interpreter("pypy", "3.10.1"))}


def test_environment_variables_of_the_user_that_name_files_are_not_followed_offline(
    index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build("uv", index.lock(BETA), saving())
    switch_index_off(monkeypatch, tmp_path)
    monkeypatch.setenv("UV_FIND_LINKS", "http://127.0.0.1:9/links")
    monkeypatch.setenv("PIP_FIND_LINKS", "http://127.0.0.1:9/links")

    for tool in ("uv", "pip-tools"):
        assert build(tool, index.lock(BETA), reading()).manifest.packages
