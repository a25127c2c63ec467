"""What a flow uses of Metaflow beside its graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Project


def test_metaflows_tools_work_in_a_rerun(project: Project) -> None:
    project.place_flows("tools")
    project.record("census.py").assert_outcomes(passed=5)
    recorded = project.artifacts("CensusFlow", "census")
    told = {name: artifact["value"] for name, artifact in recorded["tell"]["[]"].items()}
    assert told == {
        "place": {"$tuple": ["CensusFlow", "tell", "orchard.user.flowrepro.CensusFlow"]},
        "who": {"$tuple": ["flowrepro", "user:flowrepro", "local"]},
        "flows": ["CensusFlow"],
    }
    counted = {name: artifact["value"] for name, artifact in recorded["start"]["[]"].items()}
    assert counted == {
        "letters": [4, 3, 5, 4],
        "packages": ["numpy", "pandas", "scipy", "six"],
        "shelves": {"top": "jam"},
    }
    project.edit("needs.txt", "pandas", "polars")
    assert project.drift("census.py") == [  # all else reproduces
        "CensusFlow: parameter needs changed",
        "CensusFlow: artifact start.packages changed",
    ]


@pytest.fixture
def s3() -> Iterator[str]:
    """The address of an S3 server on loopback, with a bucket in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    try:
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket="orchard")
        client.put_object(Bucket="orchard", Key="harvest/crates.csv", Body=b"plums,7\n")
        yield address
    finally:
        server.stop()


def test_a_flow_reads_from_s3(project: Project, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3-secret")
    project.place_flows("tools")
    project.write(
        "pyproject.toml",
        f"""
        [tool.pytest]
        [tool.flowrepro.flow.BucketFlow]
        requirements = "requirements.txt"
        record-runs = 1
        timeout = 60
        [tool.flowrepro.flow.BucketFlow.env]
        METAFLOW_S3_ENDPOINT_URL = "{s3}"
        AWS_DEFAULT_REGION = "us-east-1"
        AWS_ACCESS_KEY_ID = "key"
        AWS_SECRET_ACCESS_KEY = {{ pass = true }}
        """,
    )
    project.record("bucket.py").assert_outcomes(passed=4)
    (crates,) = project.artifacts("BucketFlow", "bucket")["start"]["[]"].values()
    assert crates["value"] == "plums,7\n"
