"""Baselines that outlive the index: the locked wheels are kept in a wheelhouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from local_index import switch_index_off
from moto.server import ThreadedMotoServer

from pytest_flowrepro.plugin.worker_store import SessionFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Project

HARVEST = """\
from metaflow import FlowSpec, step


class HarvestFlow(FlowSpec):
    @step
    def start(self):
        self.crates = {"plums": 7, "pears": 3}
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.crates.values())


if __name__ == "__main__":
    HarvestFlow()
"""


def configure(project: Project, wheelhouse: str) -> None:
    project.write(
        "pyproject.toml",
        f'[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\nwheelhouse = "{wheelhouse}"\n',
    )


@pytest.fixture
def harvest(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A flow that needs Metaflow alone. Environments are built anew, not taken from other tests."""
    build_anew(project, monkeypatch, "recorded")
    project.write("harvest.py", HARVEST)
    return project


def build_anew(project: Project, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(SessionFolder, "environments", project.path.parent / f"{name}-environments")


def kept(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


def test_a_check_needs_no_index_when_the_wheels_were_kept(
    harvest: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(harvest, "kept/wheels")
    harvest.record().assert_outcomes(passed=4)
    wheels = harvest.path / "kept" / "wheels"
    assert any(name.startswith("metaflow-") for name in kept(wheels))
    assert all(name.endswith(".whl") for name in kept(wheels))
    before = harvest.baseline_bytes()

    (idna,) = wheels.rglob("idna-*.whl")
    aside = idna.rename(harvest.path.parent / idna.name)
    build_anew(harvest, monkeypatch, "partial")
    checked = harvest.check("-k", "environment")
    checked.assert_outcomes(passed=1, deselected=3)
    checked.stdout.fnmatch_lines(["*the wheelhouse does not have idna==*; the package index was*"])
    aside.rename(idna)
    switch_index_off(monkeypatch, harvest.path.parent)

    build_anew(harvest, monkeypatch, "checked")
    assert harvest.drift() == []
    # Nor does a recording that keeps the lock.
    harvest.record().assert_outcomes(passed=4)
    assert harvest.baseline_bytes() == before

    (metaflow,) = wheels.rglob("metaflow-*.whl")
    good = metaflow.read_bytes()
    metaflow.write_bytes(good.replace(b"metaflow", b"metaflaw", 1))
    build_anew(harvest, monkeypatch, "poisoned")
    checked = harvest.check("-k", "environment")
    checked.assert_outcomes(errors=1, deselected=3)
    checked.stdout.fnmatch_lines(
        [
            f"*{metaflow.name} in the wheelhouse {wheels} is not the file that was locked: *",
            "*What to do: find out why the file changed*",
        ]
    )

    metaflow.unlink()
    build_anew(harvest, monkeypatch, "missing")
    checked = harvest.check("-k", "environment")
    checked.assert_outcomes(errors=1, deselected=3)
    checked.stdout.fnmatch_lines(
        ["*The package index at 127.0.0.1:9 cannot be reached*", "*does not have metaflow==*"]
    )
    assert harvest.baseline_bytes() == before


def test_a_baseline_whose_wheels_cannot_be_kept_is_not_written(harvest: Project) -> None:
    configure(harvest, "wheels")
    harvest.write("wheels", "a file where the folder should be")

    recorded = harvest.record()

    recorded.assert_outcomes(errors=4)
    recorded.stdout.fnmatch_lines(
        ["*so the wheels were not saved*", "*What to do: give this user*"]
    )
    assert harvest.baseline_bytes() == {}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedMotoServer]:
    """An S3 server on loopback, which the AWS settings name, with a bucket `orchard`."""
    pytest.importorskip("s3fs", reason="the extra `remote` is not installed")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "s3-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    try:
        boto3.client("s3").create_bucket(Bucket="orchard")
        yield server
    finally:
        server.stop()


def test_wheels_are_kept_in_s3(
    harvest: Project, bucket: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(harvest, "s3://orchard/wheels")
    harvest.record().assert_outcomes(passed=4)
    listed = boto3.client("s3").list_objects_v2(Bucket="orchard", Prefix="wheels/sha256/")
    assert any("/metaflow-" in entry["Key"] for entry in listed["Contents"])
    switch_index_off(monkeypatch, harvest.path.parent)

    build_anew(harvest, monkeypatch, "checked")
    harvest.check("-k", "environment").assert_outcomes(passed=1, deselected=3)

    bucket.stop()
    build_anew(harvest, monkeypatch, "cut off")
    checked = harvest.check("-k", "environment")
    checked.assert_outcomes(errors=1, deselected=3)
    checked.stdout.fnmatch_lines(
        [
            "*The package index at 127.0.0.1:9 cannot be reached*",
            "*The wheelhouse s3://orchard/wheels cannot be read; the package index was used*",
        ]
    )
    assert "s3-secret" not in checked.stdout.str()
