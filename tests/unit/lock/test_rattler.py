from __future__ import annotations

import socket
from datetime import date
from typing import TYPE_CHECKING

import pytest
from local_channel import VERSION, Channel, this_platform

from pytest_flowrepro.lock import rattler as solve
from pytest_flowrepro.lock.rattler import solve_conda
from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
from pytest_flowrepro.model import CondaSpec
from pytest_flowrepro.support.errors import LockError
from pytest_flowrepro.support.redaction import without_conda_credentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from pytest_flowrepro.model import CondaLock

    Asked: TypeAlias = Callable[..., CondaRequirements]

pytestmark = [pytest.mark.conda, pytest.mark.usefixtures("own_cache")]


@pytest.fixture
def solved(tmp_path: Path) -> Callable[..., CondaLock]:
    def solved_by(requirements: CondaRequirements, *, as_of: date | None = None) -> CondaLock:
        return solve_conda(requirements, workspace=tmp_path, timeout=60, as_of=as_of)

    return solved_by


def versions(lock: CondaLock) -> dict[str, str]:
    return {archive.name: archive.version for archive in lock.archives}


def test_a_lock_has_what_is_asked_for_and_what_that_needs(
    solved: Callable[..., CondaLock], asked: Asked, channel: Channel
) -> None:
    lock = solved(asked({"frames": "2.1"}, python=VERSION))
    assert lock.platform == this_platform()
    found = versions(lock)
    assert found["frames"] == "2.1"
    assert found["six"] == "1.16.0"
    assert found["python"] == VERSION
    assert {"pip", "requests", "urllib3"} <= found.keys()
    six = next(archive for archive in lock.archives if archive.name == "six")
    assert six.url == f"{channel.url}/noarch/six-1.16.0-0.conda"
    assert six.sha256 == explicit_hash(channel, "six-1.16.0-0.conda")


def explicit_hash(channel: Channel, file: str) -> object:
    entry = channel.repodata["noarch"][file]
    assert isinstance(entry, dict)
    return entry["sha256"]


def test_equal_questions_get_equal_locks(tmp_path: Path, asked: Asked) -> None:
    locks = {
        solve_conda(asked(packages), workspace=tmp_path, timeout=60).text
        for packages in ({"frames": "2.1", "six": ""}, {"six": "", "frames": "2.1"})
    }
    assert len(locks) == 1


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("1.15.0", "1.15.0"),
        ("1.15", "1.15.0"),
        ("1.*", "1.16.0"),
        ("=1.15", "1.15.0"),
        (">=1.15,<1.16", "1.15.0"),
        ("!=2.0.0", "1.16.0"),
        ("1.15.0|1.16.0", "1.16.0"),
        ("1.15.0=0", "1.15.0"),
        ("*", "2.0.0"),
        ("", "2.0.0"),
    ],
)
def test_rattler_understands_metaflows_versions(
    solved: Callable[..., CondaLock], asked: Asked, version: str, found: str
) -> None:
    assert versions(solved(asked({"six": version})))["six"] == found


def test_as_of_a_day_what_was_built_later_does_not_exist(
    solved: Callable[..., CondaLock], asked: Asked
) -> None:
    assert versions(solved(asked({"six": ""}), as_of=date(2025, 2, 18)))["six"] == "1.16.0"
    assert versions(solved(asked({"six": ""}), as_of=date(2025, 2, 19)))["six"] == "2.0.0"


def test_the_first_channel_that_has_a_package_is_taken_unless_another_is_named(
    solved: Callable[..., CondaLock], asked: Asked, channel: Channel, tmp_path: Path
) -> None:
    other = Channel(folder=tmp_path / "other")
    other.add("six", "3.0")
    both = (channel.url, other.url)
    assert versions(solved(asked({"six": ""}, channels=both)))["six"] == "2.0.0"
    named = {f"{other.url}::six": ""}
    assert versions(solved(asked(named, channels=both)))["six"] == "3.0"
    assert versions(solved(asked(named)))["six"] == "3.0"


def test_the_next_channel_is_used_if_the_first_has_no_matching_version(
    solved: Callable[..., CondaLock], asked: Asked, channel: Channel, tmp_path: Path
) -> None:
    other = Channel(folder=tmp_path / "other")
    other.add("six", "3.0")
    other.add("herd", "1.0", depends=("python", "six >=3"))
    found = versions(solved(asked({"herd": ""}, channels=(channel.url, other.url))))
    assert (found["herd"], found["six"]) == ("1.0", "3.0")


def test_what_a_machine_has_can_be_said_otherwise(
    asked: Asked, channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Channel(folder=tmp_path / "other")
    other.add("engine", "1.0", depends=("python", "__cuda >=99"))
    engine = asked({"engine": ""}, channels=(channel.url, other.url))
    with pytest.raises(LockError, match=r"cannot be installed together|no channel has"):
        solve_conda(engine, workspace=tmp_path, timeout=60)
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "99.1")
    assert "engine-1.0" in solve_conda(engine, workspace=tmp_path, timeout=60).text


def test_another_platform_can_be_locked(tmp_path: Path) -> None:
    made = Channel(folder=tmp_path / "channel")
    made.add("python", VERSION, depends=("tzdata",), subdir="osx-arm64", noarch=None, files={})
    for name in ("tzdata", "pip", "requests"):
        made.add(name, "2.30", depends=())
    made.write()
    requirements = CondaRequirements(
        specs=(CondaSpec("python"), CondaSpec("requests")),
        channels=(made.url,),
        source="step train",
    )
    lock = solve_conda(requirements, workspace=tmp_path, timeout=60, platform="osx-arm64")
    assert lock.platform == "osx-arm64"


@pytest.mark.parametrize(
    ("packages", "message"),
    [
        ({"nosuch": "1.0"}, "step train: no channel has nosuch ==1.0"),
        ({"six": "9"}, "step train: no channel has six ==9"),
        ({"frames": "2.1", "rows": "1.0"}, "step train: these conda packages cannot be installed"),
        ({"six": ">>1"}, "invalid conda match spec"),
        ({"six": "1", "a/b": ""}, "invalid conda match spec"),
    ],
)
def test_what_cannot_be_solved_is_named(
    asked: Asked, tmp_path: Path, packages: dict[str, str], message: str
) -> None:
    with pytest.raises(LockError) as error:
        solve_conda(asked(packages), workspace=tmp_path, timeout=60)
    assert message in error.value.what


def test_a_conflict_has_the_solvers_reason(asked: Asked, tmp_path: Path) -> None:
    with pytest.raises(LockError) as error:
        solve_conda(asked({"frames": "2.1", "rows": ""}), workspace=tmp_path, timeout=60)
    assert "six >=2" in error.value.detail
    assert "six >=1.15,<2" in error.value.detail


def test_a_package_without_a_hash_is_refused(asked: Asked, tmp_path: Path) -> None:
    made = Channel(folder=tmp_path / "channel")
    for name in ("tzdata", "pip", "requests", "python"):
        made.add(name, "2.30", depends=())
    entry = made.repodata["noarch"]["requests-2.30-0.conda"]
    assert isinstance(entry, dict)
    del entry["sha256"]
    made.write()
    with pytest.raises(LockError, match=r"has no sha256 for requests-2\.30-0\.conda"):
        solve_conda(asked({}, channels=(made.url,)), workspace=tmp_path, timeout=60)


@pytest.mark.parametrize(
    "url", ["file:///no/such/channel", "http://ann:hunter2@127.0.0.1:9/t/tk-123/channel"]
)
def test_a_channel_that_is_not_there_is_named_without_its_credentials(
    asked: Asked, tmp_path: Path, url: str
) -> None:
    with pytest.raises(LockError, match="A conda channel could not be read") as error:
        solve_conda(asked({"six": ""}, channels=(url,)), workspace=tmp_path, timeout=60)
    assert "hunter2" not in str(error.value)
    assert "tk-123" not in str(error.value)
    assert "/channel" in error.value.hint


@pytest.mark.slow
def test_a_channel_that_hangs_ends_with_the_deadline(asked: Asked, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/channel"
        with pytest.raises(LockError, match="did not finish locking step train: stopped after 2 s"):
            solve_conda(asked({"six": ""}, channels=(url,)), workspace=tmp_path, timeout=2)


def test_a_channels_credentials_are_used_and_are_not_in_the_lock(
    asked: Asked, served: Callable[[str], str], tmp_path: Path
) -> None:
    private = served("ann:hunter2@")
    lock = solve_conda(asked({"six": ""}, channels=(private,)), workspace=tmp_path, timeout=60)
    assert f"\n{served('')}/noarch/six-2.0.0-0.conda#" in lock.text
    assert without_conda_credentials(lock.text) == lock.text
    with pytest.raises(LockError) as error:
        solve_conda(asked({"six": ""}, channels=(served(""),)), workspace=tmp_path, timeout=60)
    assert "401" in error.value.detail


def test_without_rattler_the_error_has_the_command_to_install_it(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solve, "has_rattler", lambda: False)
    with pytest.raises(LockError) as error:
        solve_conda(asked({"six": ""}), workspace=tmp_path, timeout=60)
    what = "step train takes packages from conda, but py-rattler is not installed"
    assert error.value.what == what
    assert error.value.hint.startswith("run `pip install 'pytest-flowrepro[conda]'`, or take ")
