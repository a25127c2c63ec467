"""Each rerun begins with a clean copy of its working directory, in surroundings that are the same
for every user and machine.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from conftest import FLOWS, record_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Project


@pytest.fixture(scope="module")
def recorded(session_folder: Path) -> Callable[[Path], None]:
    return record_once(
        session_folder / "recorded-state",
        lambda folder: shutil.copytree(FLOWS / "state", folder, dirs_exist_ok=True),
    )


@pytest.fixture
def counter(project: Project, recorded: Callable[[Path], None]) -> Project:
    recorded(project.path)
    return project


def test_what_a_run_leaves_behind_is_not_there_for_the_next(counter: Project) -> None:
    # Two reruns under two hash seeds: both began at nought.
    assert counter.artifacts("CounterFlow", "counter")["start"]["[]"]["count"]["value"] == 1
    result = counter.check("--flow-repro-details")
    result.assert_outcomes(passed=5)
    assert not (counter.path / "state").exists()
    result.stdout.fnmatch_lines(
        [
            "*step tidy removed draft.csv",
            "*step start wrote state/counter.txt",
            "*step tidy changed words.csv",
        ]
    )

    counter.write("state/counter.txt", "7")  # a run by hand has left it: no part of the package
    counter.edit("counter.py", "before + 1\n        self.s", "before + 2\n        self.s")
    assert counter.drift() == ["CounterFlow: artifact start.count changed"]


def test_what_a_user_a_shell_or_a_checkout_has_otherwise_makes_no_difference(
    counter: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("words.csv", "draft.csv"):
        (counter.path / name).chmod(0o600)
    for name, value in {
        "API_TOKEN": "s3cret",
        "HOME": str(tmp_path / "home"),
        "LANG": "de_DE.ISO-8859-1",
        "LC_ALL": "C",
        "LOGNAME": "jane",
        "TZ": "Asia/Tokyo",
        "USER": "jane",
    }.items():
        monkeypatch.setenv(name, value)
    deep = tmp_path.joinpath(*("deep" * 5 for _ in range(4)))
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    before = os.umask(0o077)
    try:
        assert counter.drift() == []
    finally:
        os.umask(before)
