from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock.preinstalled import without_given, write_given

if TYPE_CHECKING:
    from pathlib import Path

LOCK = """\
# By pip-tools, for linux x86_64 only.
boto3==1.44.5 \\
    --hash=sha256:aa
    # via metaflow
numpy==1.26.4+conda \\
    --hash=sha256:bb
    # via pandas
pandas==2.2.3 ; python_version < "3.14" \\
    --hash=sha256:cc
torch==2.1.0+cu118.conda ; python_version < "3.14" \\
    --hash=sha256:dd
"""


def test_nothing_is_written_where_nothing_is_given(tmp_path: Path) -> None:
    assert write_given({}, tmp_path) == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_what_is_given_is_a_wheel_with_a_name_and_a_version(tmp_path: Path) -> None:
    lines, constraints = write_given({"torch": "2.1.0+cu118", "dash-core": "1.0"}, tmp_path)

    assert lines == ["--find-links given"]
    assert constraints == ["dash-core==1.0+conda", "torch==2.1.0+cu118.conda"]
    wheel = tmp_path / "given" / "dash_core-1.0+conda-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read("dash_core-1.0+conda.dist-info/METADATA").decode()
    assert "Name: dash_core\nVersion: 1.0+conda\n" in metadata


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_lock_is_left_without_what_is_given(newline: str) -> None:
    assert without_given(LOCK.replace("\n", newline)) == (
        "# By pip-tools, for linux x86_64 only.\n"
        "boto3==1.44.5 \\\n    --hash=sha256:aa\n    # via metaflow\n"
        'pandas==2.2.3 ; python_version < "3.14" \\\n    --hash=sha256:cc\n'
    )


def test_nothing_is_left_of_a_lock_of_what_is_given() -> None:
    assert without_given("# A lock.\nsix==1.16.0+conda \\\n    --hash=sha256:aa\n") == ""
