from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock.preinstalled import without_given, write_given
from pytest_flowrepro.lockfile.pypi import parse_pypi

if TYPE_CHECKING:
    from pathlib import Path

AA, BB, CC, DD = ("sha256:" + digit * 64 for digit in "abcd")
LOCK = f"""\
# By pip-tools, for linux x86_64 only.
boto3==1.44.5 \\
    --hash={AA}
    # via metaflow
numpy==1.26.4+conda \\
    --hash={BB}
    # via pandas
pandas==2.2.3 ; python_version < "3.14" \\
    --hash={CC}
torch==2.1.0+cu118.conda ; python_version < "3.14" \\
    --hash={DD}
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
    left = without_given(parse_pypi(LOCK.replace("\n", newline)))
    assert left is not None
    assert left.text == (
        "# By pip-tools, for linux x86_64 only.\n"
        f"boto3==1.44.5 \\\n    --hash={AA}\n    # via metaflow\n"
        f'pandas==2.2.3 ; python_version < "3.14" \\\n    --hash={CC}\n'
    )
    assert left.platform == "linux x86_64"


def test_nothing_is_left_of_a_lock_of_what_is_given() -> None:
    lock = parse_pypi(f"# A lock.\nsix==1.16.0+conda \\\n    --hash={AA}\n")
    assert without_given(lock) is None
