"""Fixtures of several unit tests: a channel of conda packages; and the profile of hypothesis."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from local_channel import Channel

from pytest_flowrepro.lockfile.conda_spec import conda_requirements, step_specs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_flowrepro.lockfile.conda_spec import CondaRequirements

# How long an example takes depends on what else the machine does, and the first one of a type
# may have to import its library.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for rattler, which keeps what a channel said in the user's."""
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "rattler-cache"))


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """A Python, what Metaflow needs, and a few small packages.

    frames 2.1 needs six below 2, rows needs six 2; six has 1.15.0, 1.16.0 and, a year later, 2.0.0.
    """
    made = Channel(folder=tmp_path_factory.mktemp("channel"))
    made.add_metaflows_own()
    for version in ("1.15.0", "1.16.0"):
        made.add("six", version)
    made.add("six", "2.0.0", timestamp=1_740_000_000_000)
    made.add(
        "frames", "2.1", depends=("python", "six >=1.15,<2"), console_script="fr = frames:main"
    )
    made.add("rows", "1.0", depends=("python", "six >=2"))
    return made


@pytest.fixture
def asked(channel: Channel) -> Callable[..., CondaRequirements]:
    """What a step asks for, of this channel unless others are given, with any Python."""

    def ask(
        packages: dict[str, str], *, channels: tuple[str, ...] = (), python: str = "*"
    ) -> CondaRequirements:
        specs = step_specs(packages, python=python)
        return conda_requirements(specs, channels=channels or (channel.url,), source="step train")

    return ask


@pytest.fixture
def served(channel: Channel) -> Iterator[Callable[[str], str]]:
    """The address of the channel on the loopback interface, for one who has this authorization."""
    with _serving(channel.folder) as port:
        yield lambda credentials: f"http://{credentials}127.0.0.1:{port}"


@contextmanager
def _serving(folder: Path) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Guarded, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


class _Guarded(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers.get("Authorization") == "Basic YW5uOmh1bnRlcjI=":  # ann:hunter2
            super().do_GET()
        else:
            self.send_error(401)

    def log_message(self, *_: object) -> None:
        pass
