"""The markers of this suite are declared alike, follow from fixtures, and are held."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path

import pytest
import suite_markers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite with the plugin, and no settings of a network."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    pytester.makeini("[pytest]\nmarkers =\n    " + "\n    ".join(config["markers"]))
    pytester.makeconftest("pytest_plugins = ['suite_markers']")
    return pytester


def test_both_configurations_declare_them_alike() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    older = configparser.ConfigParser()
    older.read(ROOT / "tests/pytest8.ini")
    assert older["pytest"]["markers"].strip().splitlines() == config["markers"]


def test_a_fixture_brings_its_markers(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.fixture(scope="session")
        def session_folder(): ...

        @pytest.fixture
        def recorded(session_folder): ...

        @pytest.fixture
        def channel(): ...

        @pytest.mark.parametrize("tool", ["uv", "pip-tools"])
        def test_quick(tool): ...

        def test_flow(recorded): ...

        def test_conda(channel): ...
    """)
    assert chosen(suite, "not slow") == {"test_quick[uv]", "test_conda"}
    assert chosen(suite, "metaflow and network and slow") == {"test_flow"}
    assert chosen(suite, "conda") == {"test_conda"}


def test_a_test_of_a_browser_is_skipped_without_one(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.fixture
        def browser(): ...

        def test_page(browser): ...
    """)
    assert chosen(suite, "browser and slow") == {"test_page"}
    monkeypatch.setattr(suite_markers, "chromium", lambda: None)
    result = suite.runpytest_inprocess("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*Chromium is not installed: apt-get install chromium"])


def chosen(suite: pytest.Pytester, expression: str) -> set[str]:
    result = suite.runpytest_inprocess("--collect-only", "-q", "-m", expression)
    return {line.partition("::")[2] for line in result.outlines if "::" in line}


@pytest.mark.parametrize(
    "statement",
    [
        "socket.create_connection(('203.0.113.1', 80), timeout=0.1)",
        "socket.getaddrinfo(b'pypi.org', 443)",
        "urllib.request.urlopen('https://pypi.org')",
        "subprocess.run([sys.executable, '-c', CHILD], check=True)",
    ],
)
def test_whoever_connects_beyond_loopback_has_the_marker(
    suite: pytest.Pytester, statement: str
) -> None:
    suite.makepyfile(f"""
        import socket, subprocess, sys, urllib.request

        CHILD = "import urllib.request as r; r.urlopen('http://203.0.113.1', timeout=0.1)"

        def test_far():
            {statement}
    """)
    suite.runpytest_inprocess().assert_outcomes(failed=1)


def test_loopback_needs_no_marker(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import http.server, socket, subprocess, sys, threading

        CHILD = "import sys, urllib.request as r; r.urlopen(sys.argv[1])"

        def test_near(tmp_path):
            handler = http.server.SimpleHTTPRequestHandler
            with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
                threading.Thread(target=server.handle_request).start()
                url = f"http://localhost:{server.server_port}"
                subprocess.run([sys.executable, "-c", CHILD, url], check=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind("socket")
                listener.listen()
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect("socket")
    """)
    suite.runpytest_inprocess().assert_outcomes(passed=1)


def test_with_the_marker_a_test_may_connect(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import os, socket, pytest

        @pytest.mark.network
        def test_far():
            assert "HTTPS_PROXY" not in os.environ
            socket.getaddrinfo("203.0.113.1", 443)
    """)
    suite.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "work",
    [
        "exec(WORK)",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', WORK])",
    ],
)
def test_what_computes_for_long_has_the_marker(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    suite.makepyfile(f"""
        import pytest

        WORK = (
            "import time\\n"
            "end = time.process_time() + 0.15\\n"
            "while time.process_time() < end: pass"
        )

        def test_long():
            {work}

        @pytest.mark.slow
        def test_slow():
            {work}
    """)
    with monkeypatch.context() as patch:
        patch.setattr(suite_markers, "LIMIT", 0.1)
        result = suite.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*took 0.* s of CPU time: make it faster, or mark it `slow`"])
