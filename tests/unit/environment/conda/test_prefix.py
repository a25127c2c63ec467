from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from local_channel import VERSION, Channel, changed_files

from pytest_flowrepro.environment.conda import prefix as install
from pytest_flowrepro.environment.conda.manifest import (
    check_installed,
    read_prefix,
)
from pytest_flowrepro.environment.conda.prefix import install_conda, kept_archive
from pytest_flowrepro.lock.rattler import solve_conda
from pytest_flowrepro.lockfile.conda import parse_conda
from pytest_flowrepro.support.cache import user_cache
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements
    from pytest_flowrepro.model import CondaLock, LockedArchive

    Asked: TypeAlias = Callable[..., CondaRequirements]

pytestmark = [pytest.mark.conda, pytest.mark.slow, pytest.mark.usefixtures("own_cache")]


@pytest.fixture
def lock(asked: Asked, tmp_path: Path) -> CondaLock:
    return parse_conda(solve_conda(asked({"frames": "2.1"}), workspace=tmp_path, timeout=60).text)


@pytest.fixture
def small(lock: CondaLock) -> CondaLock:
    """A lock that is fast to install: it has no Python."""
    return replace(lock, archives=tuple(one for one in lock.archives if one.name == "tzdata"))


def only(lock: CondaLock) -> LockedArchive:
    (archive,) = lock.archives
    return archive


@pytest.mark.skipif(
    Path(sys.base_prefix, "lib/python3/dist-packages").is_dir(),
    reason="the Python in the channel is the one that runs the tests, and Debian's has no folder "
    "site-packages, which is where conda's packages are",
)
def test_the_prefix_has_a_python_that_imports_the_packages(lock: CondaLock, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    install_conda(lock, prefix=prefix, archives=tmp_path / "archives", timeout=120)
    code = "import frames, requests, sys; print(frames.VERSION, sys.version.split()[0], sys.prefix)"
    done = subprocess.run(
        [prefix / "bin" / "python", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2.1", VERSION, str(prefix)]
    script = subprocess.run([prefix / "bin" / "fr"], capture_output=True, text=True, check=True)
    assert script.stdout == "2.1\n"


def test_what_is_installed_is_what_was_locked_and_no_file_of_it_is_shared_with_a_cache(
    lock: CondaLock, tmp_path: Path
) -> None:
    prefix = tmp_path / "prefix"
    install_conda(lock, prefix=prefix, archives=tmp_path / "archives", timeout=120)
    check_installed(read_prefix(prefix, specs=()), lock, "step-train")
    assert changed_files(prefix) == ()
    files = [one for one in prefix.rglob("*") if one.is_file() and not one.is_symlink()]
    assert len(files) > 100
    assert [one for one in files if one.stat().st_nlink > 1] == []
    assert not (prefix / "conda-unpacked").exists()


def test_an_archive_that_was_fetched_once_is_not_asked_for_again(
    lock: CondaLock, channel: Channel, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    shutil.copytree(channel.folder, away)
    moved = replace(lock, archives=tuple(at(one, channel, away) for one in lock.archives))
    archives = tmp_path / "archives"
    install_conda(moved, prefix=tmp_path / "one", archives=archives, timeout=120)
    shutil.rmtree(away)
    install_conda(moved, prefix=tmp_path / "two", archives=archives, timeout=120)
    assert (tmp_path / "two" / "bin" / "python").exists()


def at(archive: LockedArchive, channel: Channel, folder: Path) -> LockedArchive:
    return replace(archive, url=archive.url.replace(channel.url, folder.as_uri()))


def test_the_use_of_a_kept_archive_is_marked(
    small: CondaLock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archives = user_cache("conda")
    assert archives is not None
    install_conda(small, prefix=tmp_path / "one", archives=archives, timeout=60)
    used, unused = kept_archive(archives, only(small)).parent, archives / ("0" * 64)
    unused.mkdir()
    for folder in (used, unused):
        os.utime(folder, (0, 0))
    install_conda(small, prefix=tmp_path / "two", archives=archives, timeout=60)
    assert used.stat().st_mtime > unused.stat().st_mtime == 0


def test_a_kept_archive_that_was_changed_is_fetched_again(small: CondaLock, tmp_path: Path) -> None:
    kept = kept_archive(tmp_path / "archives", only(small))
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"poison")
    install_conda(small, prefix=tmp_path / "prefix", archives=tmp_path / "archives", timeout=60)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == only(small).sha256


def test_an_archive_that_is_not_the_locked_one_is_refused(
    small: CondaLock, channel: Channel, tmp_path: Path
) -> None:
    away = tmp_path / "away" / "noarch"
    away.mkdir(parents=True)
    other = (channel.folder / "noarch" / "six-2.0.0-0.conda").read_bytes()
    (away / only(small).file_name).write_bytes(other)
    moved = replace(small, archives=(at(only(small), channel, away.parent),))
    with pytest.raises(EnvironmentBuildError, match="is not the file that was locked") as error:
        install_conda(moved, prefix=tmp_path / "prefix", archives=tmp_path / "kept", timeout=60)
    assert f"expected sha256:{only(small).sha256}" in error.value.what
    assert f"got sha256:{hashlib.sha256(other).hexdigest()}" in error.value.what
    assert not list((tmp_path / "kept").rglob("*.conda*"))
    assert not list((tmp_path / "prefix").rglob("tzdata*"))


def test_an_archive_that_is_gone_is_named(small: CondaLock, tmp_path: Path) -> None:
    gone = replace(only(small), url="file:///no/such/noarch/tzdata-2024a-0.conda")
    with pytest.raises(EnvironmentBuildError, match=r"tzdata-2024a-0\.conda is locked"):
        install_conda(
            replace(small, archives=(gone,)),
            prefix=tmp_path / "prefix",
            archives=tmp_path / "kept",
            timeout=60,
        )


def test_a_lock_for_another_platform_is_refused(small: CondaLock, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentBuildError, match="is for osx-64, but this machine is"):
        install_conda(
            replace(small, platform="osx-64"),
            prefix=tmp_path / "prefix",
            archives=tmp_path / "kept",
            timeout=60,
        )


def test_an_invalid_archive_is_an_error_in_a_sentence(small: CondaLock, tmp_path: Path) -> None:
    broken = tmp_path / "noarch" / "tzdata-2024a-0.conda"
    broken.parent.mkdir()
    broken.write_bytes(b"no archive")
    archive = replace(
        only(small), url=broken.as_uri(), sha256=hashlib.sha256(b"no archive").hexdigest()
    )
    with pytest.raises(EnvironmentBuildError, match="rattler could not build the environment"):
        install_conda(
            replace(small, archives=(archive,)),
            prefix=tmp_path / "prefix",
            archives=tmp_path / "kept",
            timeout=60,
        )


def test_a_channel_that_hangs_ends_with_the_deadline(small: CondaLock, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/noarch/tzdata-2024a-0.conda"
        hanging = replace(small, archives=(replace(only(small), url=url),))
        with pytest.raises(EnvironmentBuildError, match=r"did not finish .* stopped after 2 s"):
            install_conda(
                hanging, prefix=tmp_path / "prefix", archives=tmp_path / "kept", timeout=2
            )


def test_a_channels_credentials_reach_its_archives(
    small: CondaLock, channel: Channel, served: Callable[[str], str], tmp_path: Path
) -> None:
    url = only(small).url.replace(channel.url, served(""))
    private = replace(small, archives=(replace(only(small), url=url),))
    with pytest.raises(EnvironmentBuildError, match="could not be downloaded") as error:
        install_conda(private, prefix=tmp_path / "a", archives=tmp_path / "kept", timeout=60)
    assert "401" in error.value.detail
    install_conda(
        private,
        prefix=tmp_path / "b",
        archives=tmp_path / "kept",
        timeout=60,
        channels=(served("ann:hunter2@"),),
    )
    for file in (tmp_path / "b" / "conda-meta").iterdir():
        assert "hunter2" not in file.read_text("utf-8")


def test_without_rattler_the_error_has_the_command_to_install_it(
    small: CondaLock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "has_rattler", lambda: False)
    with pytest.raises(EnvironmentBuildError, match="py-rattler is not installed"):
        install_conda(small, prefix=tmp_path / "prefix", archives=tmp_path / "kept", timeout=60)
