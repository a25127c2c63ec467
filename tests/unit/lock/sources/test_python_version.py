from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock import PythonVersion, read_python_version
from pytest_flowrepro.model import Interpreter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("3.12\n", Interpreter("cpython", "3.12")),
        ("3.12.1\n", Interpreter("cpython", "3.12.1")),
        ("# ours\n\n3.11.7  # as in production\n3.12\n", Interpreter("cpython", "3.11.7")),
        ("\ufeff3.12\r\n", Interpreter("cpython", "3.12")),
        ("cpython@3.12\n", Interpreter("cpython", "3.12")),
        ("cpython-3.12.1-linux-x86_64-gnu\n", Interpreter("cpython", "3.12.1")),
        ("python3.10\n", Interpreter("cpython", "3.10")),
        ("pypy3.10-7.3.15\n", Interpreter("pypy", "3.10")),
        ("pypy@3.10\n", Interpreter("pypy", "3.10")),
        ("system\n3.10\n", Interpreter("cpython", "3.10")),
        ("system\n", None),
        ("shop-venv\n", None),
        ("miniconda3-4.7.12\n", None),
        (">=3.12\n", None),
        ("", None),
    ],
)
def test_the_first_version_of_the_file_counts(
    tmp_path: Path, text: str, wanted: Interpreter | None
) -> None:
    (tmp_path / ".python-version").write_text(text, encoding="utf-8")

    found = read_python_version(tmp_path / "flows" / "train.py", root=tmp_path)

    assert found == (PythonVersion(wanted=wanted, file=".python-version") if wanted else None)


def test_the_nearest_file_counts_and_none_above_the_project(tmp_path: Path) -> None:
    flow = tmp_path / "project" / "flows" / "train.py"
    flow.parent.mkdir(parents=True)
    (tmp_path / ".python-version").write_text("3.8\n")
    assert read_python_version(flow, root=tmp_path / "project") is None

    (tmp_path / "project" / ".python-version").write_text("3.10\n")
    (flow.parent / ".python-version").write_text("3.12\n")
    found = read_python_version(flow, root=tmp_path / "project")
    assert found == PythonVersion(
        wanted=Interpreter("cpython", "3.12"), file="flows/.python-version"
    )
