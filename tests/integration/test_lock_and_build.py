"""Lock and build with the package index that this machine uses, and small packages."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from environments import build_new_environment
from requirement_lines import requirement_lines

from pytest_flowrepro.environment import InstallRequest
from pytest_flowrepro.lock import resolver
from pytest_flowrepro.model import Requirements

if TYPE_CHECKING:
    from pytest_flowrepro.model import Environment, PypiLock

pytestmark = [pytest.mark.network, pytest.mark.slow]

LINES = ("charset-normalizer", "colorama", "python-dateutil==2.9.0.post0", "idna<4")


def resolve(
    tool: Literal["uv", "pip-tools"], workspace: Path, *lines: str, as_of: date | None = None
) -> PypiLock:
    workspace.mkdir(exist_ok=True)
    return resolver(tool).resolve(
        Requirements(requirements=requirement_lines(*lines), source="requirements.txt"),
        python=Path(sys.executable),
        workspace=workspace,
        timeout=120,
        as_of=as_of,
    )


def build(tool: Literal["uv", "pip-tools"], lock: PypiLock, folder: Path) -> Environment:
    return build_new_environment(
        lock,
        InstallRequest(name="base", installer=tool, timeout=120),
        requirements=LINES,
        folder=folder,
    ).manifest


def versions(environment: Environment) -> dict[str, str]:
    return {package.name: package.version for package in environment.packages}


def test_any_lock_can_be_built_by_any_tool_and_gives_the_same_environment(tmp_path: Path) -> None:
    by_uv = resolve("uv", tmp_path / "a", *LINES)
    by_pip = resolve("pip-tools", tmp_path / "b", *LINES)

    # charset-normalizer has a console script and a wheel of its own for each platform.
    first = build("uv", by_uv, tmp_path / "first")
    second = build("pip-tools", by_uv, tmp_path / "second")
    third = build("uv", by_pip, tmp_path / "third")

    assert first == second
    assert third.packages == first.packages
    vias = {package.name: package.via for package in first.packages}
    assert vias["six"] == ("python-dateutil",)
    assert vias["idna"] == ()


def test_a_lock_names_no_index_no_file_and_no_machine(tmp_path: Path) -> None:
    text = resolve("uv", tmp_path, "idna").text

    assert "://" not in text
    assert str(tmp_path) not in text
    assert not [line for line in text.splitlines() if line.startswith("-")]


def test_the_past_can_be_locked(tmp_path: Path) -> None:
    assert "\nidna==3.4 \\" in "\n" + resolve("uv", tmp_path, "idna", as_of=date(2023, 1, 1)).text
