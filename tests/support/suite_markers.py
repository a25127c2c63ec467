"""Add the markers that follow from a test's fixtures, and fail a test without one that it needs.

A test that asks for a fixture of `IMPLIED`, itself or by another fixture, has its markers, and one
with the parameter "pip-tools" is `slow`: pip takes a second where uv takes a tenth. Other markers
are written at the test or at the top of its module. A test that connects beyond loopback without
`network`, or computes for long without `slow`, fails; one with `conda` is skipped where rattler is
not installed, and one with `browser` where Chromium or playwright is not.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from playwright.sync_api import Browser

IMPLIED = {
    "browser": ("browser", "slow"),
    "channel": ("conda",),
    "loaded_traps": ("slow",),
    "session_folder": ("metaflow", "network", "slow"),
}
"""The name of a fixture to the markers of each test that asks for it. In the session's folder are
the environments and the recordings that tests share, which the first of them makes. Traps take
seconds until the time limit or the memory limit ends them.
"""

LIMIT = 15.0
"""Seconds of CPU time, own and of ended children, of a test that is not `slow`. A test that takes
one is to be `slow`; the limit is far above it, as machines differ and coverage slows tests down.
"""

_LOOPBACK_NAMES = {"localhost", "", None}
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_CLOSED = "http://127.0.0.1:9"
"""The address of the discard service: a proxy for child processes that refuses each connection."""

_offline = False
"""True while a test without `network` is run. An audit hook cannot be taken away again."""


def pytest_configure() -> None:
    sys.addaudithook(_refuse_beyond_loopback)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if any(isinstance(value, str) and value == "pip-tools" for value in parameters.values()):
            item.add_marker("slow")
        for fixture in IMPLIED.keys() & set(getattr(item, "fixturenames", ())):
            for marker in IMPLIED[fixture]:
                item.add_marker(marker)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("conda") and not importlib.util.find_spec("rattler"):
        pytest.skip("the extra `conda` is not installed")
    if item.get_closest_marker("browser"):
        if not importlib.util.find_spec("playwright"):
            pytest.skip("playwright is not installed")
        if chromium() is None:
            pytest.skip("Chromium is not installed: apt-get install chromium")


def chromium() -> str | None:
    """Return the path of the system's Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  may not be installed

    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root, in a container.
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def loopback_only(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Generator[None]:
    """Fail a test without `network` that connects beyond loopback, itself or by a child process."""
    global _offline  # noqa: PLW0603  what the hook asks, which knows of no test
    before, _offline = _offline, not request.node.get_closest_marker("network")
    if _offline:
        for name in _PROXIES:
            monkeypatch.setenv(name, _CLOSED)
            monkeypatch.setenv(name.upper(), _CLOSED)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "localhost,127.0.0.1,::1")
    yield
    _offline = before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    before = _cpu_seconds()
    yield
    taken = _cpu_seconds() - before
    if taken > LIMIT and not item.get_closest_marker("slow"):
        pytest.fail(f"took {taken:.1f} s of CPU time: make it faster, or mark it `slow`")


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def _refuse_beyond_loopback(event: str, arguments: tuple[object, ...]) -> None:
    if not _offline or event not in {"socket.connect", "socket.getaddrinfo"}:
        return
    host = arguments[0]
    if event == "socket.connect":
        address = arguments[1]
        if not isinstance(address, tuple):  # of a Unix socket
            return
        host = address[0]
    if not _is_loopback(host):
        pytest.fail(f"connects to {host}: mark it `network`")


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False
