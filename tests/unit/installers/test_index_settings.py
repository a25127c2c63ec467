from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.installers.index_settings import (
    DEFAULT_INDEX,
    download_tool,
    pip_settings,
    pip_tool,
    uv_cache,
    uv_tool,
    without_index,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any settings, and a working directory in it."""
    for name in os.environ:
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def pip_conf(home: Path, text: str) -> Path:
    folder = Path("Library/Application Support/pip") if sys.platform == "darwin" else ".config/pip"
    return write(home / folder / "pip.conf", text)


def test_pip_settings_are_what_pip_itself_reads(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / ".pip" / "pip.conf", "[global]\ntimeout = 7\n")
    pip_conf(
        home,
        "[global]\nindex-url = https://user/\nfind_links =\n  /a\n  /b\n"
        "[install]\nextra-index-url = https://extra/\nno-index = false\n",
    )
    monkeypatch.setenv("PIP_TRUSTED_HOST", "inner")
    monkeypatch.setenv("PIP_PROXY", "")
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    expected: dict[str, str] = {}
    for line in said.stdout.splitlines():
        name, _, value = line.partition("=")
        expected[name.split(".", 1)[1]] = value.strip("'\"").replace("\\n", "\n")

    assert {name: value.split() for name, value in pip_settings(os.environ).items()} == {
        name: value.split() for name, value in expected.items() if value
    }
    assert expected["index-url"] == "https://user/"


def test_the_users_own_file_wins_over_the_legacy_one(home: Path) -> None:
    write(home / ".pip" / "pip.conf", "[global]\nindex-url = https://legacy/\n")
    pip_conf(home, "[global]\nindex-url = https://user/\n")

    assert pip_settings(os.environ)["index-url"] == "https://user/"


def test_pip_variables_win_over_its_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip_conf(home, "[global]\nindex-url = https://file/\n[install]\nindex-url = https://inst/\n")
    assert pip_settings(os.environ)["index-url"] == "https://inst/"

    monkeypatch.setenv("PIP_INDEX_URL", "https://variable/")
    assert pip_settings(os.environ)["index-url"] == "https://variable/"


def test_pip_config_file_is_read_instead_of_the_users_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip_conf(home, "[global]\nindex-url = https://user/\nproxy = http://p\n")
    named = write(home / "named.conf", "[global]\nindex-url = https://named/\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(named))
    assert pip_settings(os.environ)["index-url"] == "https://named/"
    assert "proxy" not in pip_settings(os.environ)

    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert "index-url" not in pip_settings(os.environ)


def test_a_file_that_pip_cannot_read_either_is_left_to_pip(home: Path) -> None:
    pip_conf(home, "no section\n")

    assert "index-url" not in pip_settings(os.environ)


@pytest.mark.parametrize(
    ("conf", "variables"),
    [
        (
            "index-url = https://bob:pw@corp/simple",
            {"UV_DEFAULT_INDEX": "https://bob:pw@corp/simple"},
        ),
        (
            "extra-index-url = https://a/\n  https://b/",
            {
                "UV_INDEX": f"{DEFAULT_INDEX} https://a/",
                "UV_DEFAULT_INDEX": "https://b/",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
        ),
        (
            "index-url = https://main/\nextra-index-url = https://a/",
            {
                "UV_INDEX": "https://main/",
                "UV_DEFAULT_INDEX": "https://a/",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
        ),
        ("find-links = https://a/ /wheels", {"UV_FIND_LINKS": "https://a/,/wheels"}),
        ("trusted-host = a\n  b:80", {"UV_INSECURE_HOST": "a b:80"}),
        ("cert = /ca.pem", {"SSL_CERT_FILE": "/ca.pem"}),
        ("cert = /", {"SSL_CERT_DIR": "/"}),
        ("client-cert = /me.pem", {"SSL_CLIENT_CERT": "/me.pem"}),
        ("proxy = http://proxy:3128", {"ALL_PROXY": "http://proxy:3128"}),
        ("timeout = 60", {"UV_HTTP_TIMEOUT": "60"}),
        ("default-timeout = 60", {"UV_HTTP_TIMEOUT": "60"}),
        ("keyring-provider = subprocess", {"UV_KEYRING_PROVIDER": "subprocess"}),
    ],
)
def test_uv_is_given_the_settings_of_pip(home: Path, conf: str, variables: dict[str, str]) -> None:
    before = uv_tool()
    pip_conf(home, f"[global]\n{conf}\n")
    tool = uv_tool()

    added = {name: value for name, value in tool.env.items() if before.env.get(name) != value}
    assert added == variables
    assert "bob:pw" not in " ".join(tool.argv + tool.options)


def test_no_index_is_an_option_because_uv_has_no_variable_for_it(home: Path) -> None:
    assert uv_tool().options == ()

    pip_conf(home, "[global]\nno-index = true\n")
    assert uv_tool().options == ("--no-index",)


def test_paths_are_meant_from_where_pytest_was_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip_conf(home, "[global]\nfind-links = wheels ~/more\n")
    assert uv_tool().env["UV_FIND_LINKS"] == f"{home}/project/wheels,{home}/more"
    assert pip_tool("pip").env["PIP_FIND_LINKS"] == f"{home}/project/wheels {home}/more"

    monkeypatch.setenv("UV_FIND_LINKS", "own,https://host/wheels")
    assert uv_tool().env["UV_FIND_LINKS"] == f"{home}/project/own,https://host/wheels"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".config/uv/uv.toml", '[[index]]\nurl = "https://uv/"\n'),
        ("xdg/uv/uv.toml", 'index-url = "https://uv/"\n'),
        ("project/uv.toml", '[pip]\nextra-index-url = ["https://uv/"]\n'),
        ("project/pyproject.toml", '[[tool.uv.index]]\nurl = "https://uv/"\n'),
        ("uv.toml", 'find-links = ["/wheels"]\n'),
    ],
)
def test_index_settings_of_uv_win_over_those_of_pip(home: Path, file: str, text: str) -> None:
    pip_conf(home, "[global]\nindex-url = https://pip/\ntimeout = 9\n")
    write(home / "project" / "pyproject.toml", "[project]\nname = 'x'\n")
    write(home / file, text)

    assert "UV_DEFAULT_INDEX" not in uv_tool().env
    assert uv_tool().env["UV_HTTP_TIMEOUT"] == "9"


def test_the_nearest_file_of_uv_counts_and_only_that(home: Path) -> None:
    pip_conf(home, "[global]\nindex-url = https://pip/\n")
    write(home / "uv.toml", 'index-url = "https://far/"\n')
    write(home / "project" / "uv.toml", "offline = false\n")

    assert uv_tool().env["UV_DEFAULT_INDEX"] == "https://pip/"


@pytest.mark.parametrize("name", ["UV_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS"])
def test_index_variables_of_uv_win_over_those_of_pip(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pip_conf(home, "[global]\nindex-url = https://pip/\n")
    monkeypatch.setenv(name, "https://uv/")

    assert "UV_DEFAULT_INDEX" not in uv_tool().env
    assert uv_tool().env[name] == "https://uv/"


def test_settings_that_change_what_is_installed_do_not_reach_the_tools(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_CONSTRAINT", "UV_PYTHON", "PIP_TARGET", "PIP_CONSTRAINT", "PYTHONPATH"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    assert "UV_CONSTRAINT" not in uv_tool().env
    assert "UV_PYTHON" not in uv_tool().env
    assert "PIP_TARGET" not in pip_tool("pip").env
    assert "PIP_CONSTRAINT" not in pip_tool("pip").env
    assert "PYTHONPATH" not in pip_tool("pip").env
    assert pip_tool("pip").env["PIP_NO_INDEX"] == "1"
    assert uv_tool().env["UV_PYTHON_DOWNLOADS"] == "never"


@pytest.mark.parametrize("name", ["UV_CACHE_DIR", "UV_LINK_MODE"])
def test_uv_has_a_cache_of_ours_whatever_the_users_is(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv(name, "copy")

    env = uv_tool().env
    (cache,) = (home / "cache" / "pytest-flowrepro" / "uv").iterdir()
    assert env["UV_CACHE_DIR"] == str(cache)
    assert "UV_LINK_MODE" not in uv_tool().env


def test_the_cache_of_uv_is_new_each_month(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    old = home / "cache" / "pytest-flowrepro" / "uv" / "2020-01"
    old.mkdir(parents=True)

    cache = uv_cache()
    assert cache is not None
    assert cache != old
    os.utime(cache, (0, 0))
    assert uv_cache() == cache
    assert cache.stat().st_mtime > 0  # in use


def test_uv_has_no_cache_where_the_user_wants_none_or_none_can_be_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    assert "UV_NO_CACHE" not in uv_tool().env
    monkeypatch.setenv("UV_NO_CACHE", "1")
    assert uv_tool().env["UV_NO_CACHE"] == "1"
    monkeypatch.delenv("UV_NO_CACHE")

    monkeypatch.setenv("XDG_CACHE_HOME", str(write(home / "a-file", "")))

    assert uv_cache() is None
    assert uv_tool().env["UV_NO_CACHE"] == "1"
    assert "UV_CACHE_DIR" not in uv_tool().env


def pip_variables(env: Mapping[str, str]) -> dict[str, str]:
    # A machine may have a certificate in its /etc/pip.conf.
    fixed = {"PIP_CERT", "PIP_CONFIG_FILE", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_INPUT"}
    return {
        name.removeprefix("PIP_"): value
        for name, value in env.items()
        if name.startswith("PIP_") and name not in fixed
    }


@pytest.mark.parametrize(
    ("variables", "uv_toml", "expected"),
    [
        ({}, "", {}),
        ({"UV_OFFLINE": "1"}, "", {"NO_INDEX": "1"}),
        ({"UV_INDEX_URL": "https://a/"}, "", {"INDEX_URL": "https://a/"}),
        (
            {"UV_DEFAULT_INDEX": "main=https://a/", "UV_INDEX": "b=https://b/ https://c/"},
            "",
            {"INDEX_URL": "https://a/", "EXTRA_INDEX_URL": "https://b/ https://c/"},
        ),
        (
            {"UV_INDEX_CO_OP_USERNAME": "bob", "UV_INDEX_CO_OP_PASSWORD": "p@ss"},
            '[[index]]\nname = "co-op"\nurl = "https://coop/"\ndefault = true\n',
            {"INDEX_URL": "https://bob:p%40ss@coop/"},
        ),
        (
            {"UV_INDEX_COOP_PASSWORD": "other"},
            '[[index]]\nname = "coop"\nurl = "https://bob:own@coop/"\n',
            {"INDEX_URL": "{pypi}", "EXTRA_INDEX_URL": "https://bob:own@coop/"},
        ),
        (
            {},
            "[pip]\nno-index = true\nfind-links = ['flat']\n",
            {"INDEX_URL": "{pypi}", "NO_INDEX": "1", "FIND_LINKS": "{project}/flat"},
        ),
        (
            {"UV_INSECURE_HOST": "coop"},
            "[[index]]\nurl = 'https://coop/flat'\nformat = 'flat'\n",
            {"INDEX_URL": "{pypi}", "FIND_LINKS": "https://coop/flat", "TRUSTED_HOST": "coop"},
        ),
    ],
)
def test_a_download_asks_the_indexes_that_uv_would_ask(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    uv_toml: str,
    expected: dict[str, str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    write(home / "project" / "uv.toml", uv_toml)
    places = {"pypi": DEFAULT_INDEX, "project": home / "project"}

    assert pip_variables(download_tool("uv").env) == {
        name: value.format(**places) for name, value in expected.items()
    }


@pytest.mark.usefixtures("home")
def test_a_download_for_pip_asks_what_pip_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv/")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip/")

    assert pip_variables(download_tool("pip-tools").env) == {"INDEX_URL": "https://pip/"}


def test_without_an_index_no_setting_names_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_INDEX_A_PASSWORD"):
        monkeypatch.setenv(name, "https://index/")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, "https://index/")
    monkeypatch.setenv("UV_CONFIG_FILE", str(home / "uv.toml"))

    for tool in (without_index(uv_tool()), without_index(pip_tool("pip"))):
        assert "--no-index" in tool.options
        assert "https://index/" not in tool.env.values()
        assert "UV_CONFIG_FILE" not in tool.env
        assert tool.env["PIP_CONFIG_FILE"] == os.devnull
        assert tool.env["UV_NO_CONFIG"] == tool.env["UV_OFFLINE"] == "1"
