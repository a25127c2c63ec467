"""No setting of uv or pip, from whatever file or variable, changes what is installed.

The settings are those that the installed tools know: uv names all of its keys when it meets an
unknown one, and both print their options and variables.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import uv
from local_index import LocalIndex, only_index, wheel

from pytest_flowrepro.environment.interface import installer_named
from pytest_flowrepro.environment.interpreter import create_virtualenv
from pytest_flowrepro.environment.manifest import installed_versions
from pytest_flowrepro.installers.index_settings import download_tool, pip_tool, uv_tool
from pytest_flowrepro.installers.uv_settings import REACH_UV, REACH_UV_PIP

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_AN_INDEX = frozenset({"index", "index-url", "extra-index-url", "find-links", "no-index"})


@lru_cache
def uv_keys(table: str) -> frozenset[str]:
    """The keys of a uv.toml, or of its table `pip`, as uv itself names them."""
    argv = [uv.find_uv_bin(), "--config-file", "/dev/stdin", "pip", "list"]
    done = subprocess.run(
        argv, input=f"{table}\nno-such-key = 1\n", capture_output=True, text=True, check=False
    )
    return frozenset(re.findall(r"`([a-z-]+)`", done.stderr.partition("expected one of")[2]))


@lru_cache
def uv_variables() -> frozenset[str]:
    """The variables of uv that its help and its program name."""
    program = Path(uv.find_uv_bin())
    named = re.findall(rb"UV_[A-Z0-9]+(?:_[A-Z0-9]+)*", program.read_bytes())
    return frozenset(name.decode() for name in named)


@lru_cache
def pip_options() -> frozenset[str]:
    """The long options of `pip install` and `pip download`."""
    found: set[str] = set()
    for command in ("install", "download"):
        argv = [sys.executable, "-m", "pip", command, "--help"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        found.update(re.findall(r"^  (?:-\w, )?--([a-z-]+)", done.stdout, re.MULTILINE))
    return frozenset(found)


@pytest.mark.slow
def test_the_tools_name_their_settings() -> None:
    assert {"override-dependencies", "exclude-newer", "index"} <= uv_keys("")
    assert {"target", "no-emit-package"} <= uv_keys("[pip]")
    assert {"UV_OVERRIDE", "UV_EXCLUDE_NEWER"} <= uv_variables()
    assert {"target", "no-deps", "constraint", "index-url"} <= pip_options()
    assert len(uv_keys("")) + len(uv_keys("[pip]")) > 100
    assert uv_keys("") >= REACH_UV
    assert uv_keys("[pip]") >= REACH_UV_PIP


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any settings, and a working directory in it."""
    for name in os.environ:
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


SOURCES_OF_UV = {
    "the project's pyproject.toml": "project/pyproject.toml",
    "the project's uv.toml": "project/uv.toml",
    "the user's uv.toml": ".config/uv/uv.toml",
    "the system's uv.toml": "xdg/uv/uv.toml",
    "UV_CONFIG_FILE": "elsewhere/uv.toml",
}


@pytest.mark.parametrize("source", SOURCES_OF_UV)
@pytest.mark.parametrize("table", ["", "pip"])
def test_a_setting_of_uv_reaches_uv_only_where_it_is_about_an_index(
    home: Path, monkeypatch: pytest.MonkeyPatch, table: str, source: str
) -> None:
    file = home / SOURCES_OF_UV[source]
    file.parent.mkdir(parents=True, exist_ok=True)
    if source == "UV_CONFIG_FILE":
        monkeypatch.setenv("UV_CONFIG_FILE", str(file))
    top = "tool.uv" if file.name == "pyproject.toml" else ""
    reach = REACH_UV_PIP if table else REACH_UV
    before = uv_tool()
    assert before.config == ""
    for key in sorted(uv_keys(f"[{table}]" if table else "") - {"pip"}):
        value = '[{url = "https://x/"}]' if key == "index" else '["https://x/"]'
        place = ".".join(filter(None, (top, table)))
        file.write_text(f"[{place}]\n{key} = {value}\n" if place else f"{key} = {value}\n")

        tool = uv_tool()

        config: dict[str, Any] = tomllib.loads(tool.config)
        found = config.get("pip", {}) if table else config
        assert set(found) == ({key} & reach), key
        assert set(config) <= reach | {"pip"}
        assert "UV_CONFIG_FILE" not in tool.env
        if key not in OF_AN_INDEX:
            assert tool.env == before.env, key
            assert tool.options == before.options, key


@pytest.mark.usefixtures("home")
def test_a_variable_of_uv_reaches_uv_only_where_it_is_about_an_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = uv_tool().env
    about_an_index = {
        "UV_AZURE_ENDPOINT_URL",
        "UV_CONCURRENT_BUILDS",
        "UV_CONCURRENT_CACHE_READS",
        "UV_CONCURRENT_DOWNLOADS",
        "UV_CONCURRENT_INSTALLS",
        "UV_CREDENTIALS_DIR",
        "UV_DEFAULT_INDEX",
        "UV_EXTRA_INDEX_URL",
        "UV_FIND_LINKS",
        "UV_GCS_ENDPOINT_URL",
        "UV_HTTP_CONNECT_TIMEOUT",
        "UV_HTTP_RETRIES",
        "UV_HTTP_TIMEOUT",
        "UV_INDEX",
        "UV_INDEX_NAME_PASSWORD",
        "UV_INDEX_NAME_USERNAME",
        "UV_INDEX_STRATEGY",
        "UV_INDEX_URL",
        "UV_INSECURE_HOST",
        "UV_KEYRING_PROVIDER",
        "UV_NATIVE_TLS",
        "UV_NO_CACHE",
        "UV_OFFLINE",
        "UV_REQUEST_TIMEOUT",
        "UV_S3_ENDPOINT_URL",
        "UV_SYSTEM_CERTS",
    }
    reached = set()
    for name in sorted(uv_variables() | about_an_index):
        with monkeypatch.context() as patch:
            patch.setenv(name, "https://x/")
            after = uv_tool()
        if after.env != before:
            assert after.env.get(name) == "https://x/", name
            reached.add(name)

    # Names stand side by side in uv's program: UV_HTTP_TIMEOUTUV_REQUEST_TIMEOUT.
    exact = {name for name in reached if name.count("UV_") == 1}
    assert exact >= about_an_index
    assert not {name for name in exact if not name.startswith(tuple(about_an_index))}


@pytest.mark.parametrize("section", ["global", "install", "variable"])
def test_a_setting_of_pip_reaches_pip_only_where_it_is_about_an_index(
    home: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    about_an_index = {
        "cache-dir",
        "cert",
        "client-cert",
        "extra-index-url",
        "find-links",
        "index-url",
        "keyring-provider",
        "no-cache-dir",
        "no-index",
        "no-proxy-env",
        "proxy",
        "resume-retries",
        "retries",
        "timeout",
        "trusted-host",
    }
    folder = Path("Library/Application Support/pip") if sys.platform == "darwin" else ".config/pip"
    file = home / folder / "pip.conf"
    file.parent.mkdir(parents=True)
    before = pip_tool("pip").env
    reached = set()
    for option in sorted(pip_options()):
        with monkeypatch.context() as patch:
            if section == "variable":
                patch.setenv(f"PIP_{option.upper().replace('-', '_')}", "/x")
            else:
                file.write_text(f"[{section}]\n{option} = /x\n")
            tools = [pip_tool("pip"), pip_tool("piptools"), download_tool("pip-tools")]
        for tool in tools:
            assert tool.env["PIP_CONFIG_FILE"] == os.devnull
            changed = {
                name for name in {*tool.env, *before} if tool.env.get(name) != before.get(name)
            }
            assert changed <= {f"PIP_{option.upper().replace('-', '_')}"}
            if changed:
                reached.add(option)

    assert reached == about_an_index & pip_options()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("alpha", "1.0", requires=["beta"]))
        index.add(wheel("alpha", "2.0"))
        index.add(wheel("beta", "1.0"))
        index.add(wheel("beta", "2.0"))
        yield index


UV_TOML = """\
override-dependencies = ["alpha==2.0"]
constraint-dependencies = ["beta<2"]
exclude-dependencies = ["beta"]
exclude-newer = "2001-01-01"
required-version = ">=99"
no-binary = true
reinstall = true
{table}
target = "{target}"
no-deps = false
python-platform = "windows"
no-binary = [":all:"]
no-emit-package = ["alpha"]
output-file = "out.txt"
"""

PIP_CONF = """\
[install]
target = {target}
constraint = {constraint}
no-binary = :all:
no-deps = false
pre = true
dry-run = true
uploaded-prior-to = 2001-01-01
platform = win_amd64
"""


@pytest.mark.parametrize("source", SOURCES_OF_UV)
def test_uv_installs_the_lock_whatever_its_settings_are(
    index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.delenv("UV_NO_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    file = tmp_path / SOURCES_OF_UV[source]
    for folder in (file.parent, tmp_path / "project"):
        folder.mkdir(parents=True, exist_ok=True)
    of_project = file.name == "pyproject.toml"
    text = UV_TOML.format(
        table="[tool.uv.pip]" if of_project else "[pip]", target=tmp_path / "target"
    )
    file.write_text(f"[tool.uv]\n{text}" if of_project else text)
    if source == "UV_CONFIG_FILE":
        monkeypatch.setenv("UV_CONFIG_FILE", str(file))
    for name in ("UV_OVERRIDE", "UV_CONSTRAINT", "UV_EXCLUDE"):
        monkeypatch.setenv(name, str(file))
    monkeypatch.setenv("UV_EXCLUDE_NEWER", "2001-01-01")
    monkeypatch.chdir(tmp_path / "project")

    assert installed("uv", index, tmp_path) == {"alpha": "1.0", "beta": "2.0"}
    assert not (tmp_path / "target").exists()


def test_pip_installs_the_lock_whatever_its_settings_are(
    index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "constraint.txt").write_text("beta==1.0\n")
    text = PIP_CONF.format(target=tmp_path / "target", constraint=tmp_path / "constraint.txt")
    (tmp_path / "pip.conf").write_text(text)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_PREFIX", str(tmp_path / "target"))
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")

    assert installed("pip-tools", index, tmp_path) == {"alpha": "1.0", "beta": "2.0"}
    assert not (tmp_path / "target").exists()


def installed(
    installer: Literal["uv", "pip-tools"], index: LocalIndex, folder: Path
) -> dict[str, str]:
    environment = folder / "environment"
    python = create_virtualenv(environment, python=Path(sys.executable))
    lock = environment / "lock.txt"
    lock.write_text(index.lock("alpha-1.0-py3-none-any.whl", "beta-2.0-py3-none-any.whl"))
    installer_named(installer).install(lock, python=python, timeout=60)
    return installed_versions(environment)
