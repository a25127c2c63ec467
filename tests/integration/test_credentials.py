"""The password of a package index: it opens the index, and is written nowhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest
from environments import build_new_environment
from local_index import PASSWORD, LocalIndex, only_index, wheel
from requirement_lines import requirement_lines

from pytest_flowrepro.environment import InstallRequest
from pytest_flowrepro.lock import resolver, upload_days
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import PypiLock, Requirements
from pytest_flowrepro.support.errors import FlowReproError, LockError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Tool: TypeAlias = Literal["uv", "pip-tools"]
Place: TypeAlias = "Callable[[Path, str, pytest.MonkeyPatch], None]"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    """It refuses whoever does not give the password, and no setting names it yet."""
    monkeypatch.chdir(tmp_path)
    with only_index(monkeypatch, tmp_path) as index:
        for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "UV_NO_CONFIG"):
            monkeypatch.delenv(name)
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
        monkeypatch.delenv("NETRC", raising=False)
        index.private = True
        index.add(wheel("alpha", "1.0"))
        yield index


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def with_password(url: str) -> str:
    return url.replace("://", f"://bob:{PASSWORD}@")


def in_variables(_: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", with_password(url))


def in_pip_conf(home: Path, url: str, _: pytest.MonkeyPatch) -> None:
    write(home / ".pip/pip.conf", f"[global]\nindex-url = {with_password(url)}\n")


def in_uv_toml(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'[[index]]\nname = "coop"\nurl = "{with_password(url)}"\ndefault = true\n'
    write(home / ".config/uv/uv.toml", text)
    monkeypatch.setenv("UV_CONFIG_FILE", str(home / ".config/uv/uv.toml"))


def in_variables_of_uv(_: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX", f"coop={url}")
    monkeypatch.setenv("UV_DEFAULT_INDEX", url)
    monkeypatch.setenv("UV_INDEX_COOP_USERNAME", "bob")
    monkeypatch.setenv("UV_INDEX_COOP_PASSWORD", PASSWORD)


def in_netrc(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".netrc", f"machine 127.0.0.1\nlogin bob\npassword {PASSWORD}\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("PIP_INDEX_URL", url)


def resolve(tool: Tool, requirement: str, folder: Path) -> PypiLock:
    folder.mkdir(exist_ok=True)
    asked = Requirements(requirements=requirement_lines(requirement), source="requirements.txt")
    python = Path(sys.executable)
    return resolver(tool).resolve(asked, python=python, workspace=folder, timeout=60)


def build(tool: Tool, lock: PypiLock, folder: Path) -> None:
    build_new_environment(
        lock,
        InstallRequest(name="base", installer=tool, timeout=60),
        requirements=("alpha",),
        folder=folder,
    )


def failure(work: Callable[[], object]) -> str:
    with pytest.raises(FlowReproError) as caught:
        work()
    return str(caught.value)


def files_with_the_password(*folders: Path) -> list[Path]:
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return [file for file in files if PASSWORD.encode() in file.read_bytes()]


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["uv", "pip-tools"])
def test_without_the_password_the_index_is_closed(
    tool: Tool, index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    with pytest.raises(LockError, match="refuses access"):
        resolve(tool, "alpha", tmp_path / "lock")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "place"),
    [
        ("uv", in_variables),
        ("uv", in_pip_conf),
        ("uv", in_uv_toml),
        ("uv", in_variables_of_uv),
        ("uv", in_netrc),
        ("pip-tools", in_variables),
        ("pip-tools", in_pip_conf),
        ("pip-tools", in_netrc),
    ],
)
def test_a_password_opens_the_index_and_is_in_no_file(
    tool: Tool,
    place: Place,
    index: LocalIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place(tmp_path / "home", index.url, monkeypatch)

    lock = resolve(tool, "alpha", tmp_path / "lock")
    build(tool, lock, tmp_path / "built")
    if tool == "uv":
        index.uploaded = {"alpha-1.0-py3-none-any.whl": "2025-06-21T07:00:00Z"}
        python, workspace = Path(sys.executable), tmp_path / "lock"
        monkeypatch.setenv("UV_NO_CACHE", "1")
        assert upload_days({"alpha": "1.0"}, python=python, workspace=workspace, timeout=30)

    assert PASSWORD not in lock.text
    assert files_with_the_password(tmp_path / "lock", tmp_path / "built") == []


# The unit tests of the tools have the failures with the password in a variable with the URL.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "place"),
    [
        ("uv", in_uv_toml),
        ("uv", in_variables_of_uv),
        ("uv", in_netrc),
        ("pip-tools", in_pip_conf),
        ("pip-tools", in_netrc),
    ],
)
def test_a_password_is_in_no_message_and_no_file_of_a_failure(
    tool: Tool,
    place: Place,
    index: LocalIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place(tmp_path / "home", index.url, monkeypatch)
    lock = parse_pypi(index.lock("alpha-1.0-py3-none-any.whl"))
    gone = parse_pypi(lock.text.replace("1.0", "1.5"))

    told = [
        failure(lambda: resolve(tool, "nowhere", tmp_path / "lock")),
        failure(lambda: build(tool, gone, tmp_path / "gone")),
    ]
    index.private, index.status = False, 401
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    told.append(failure(lambda: resolve(tool, "alpha", tmp_path / "lock")))
    told.append(failure(lambda: build(tool, lock, tmp_path / "again")))

    assert "refuses access" in told[-1]
    assert not any(PASSWORD in text for text in told)
    folders = (tmp_path / name for name in ("lock", "gone", "again"))
    assert files_with_the_password(*folders) == []
