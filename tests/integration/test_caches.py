"""The user's caches: cleaned by hand while a check runs, and by sessions."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from conftest import HELLO

from pytest_flowrepro.cli.cache import CleanRequest, clean_cache
from pytest_flowrepro.support.cache import cache_root

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

OLD = time.time() - 40 * 24 * 3600


def entries(kind: str) -> set[str]:
    return {path.name for path in (cache_root() / kind).iterdir()}


def plant_old_wheel() -> Path:
    folder = cache_root() / "wheels" / "sha256" / ("0" * 64)
    folder.mkdir(parents=True)
    (folder / "old-1-py3-none-any.whl").write_bytes(b"old")
    os.utime(folder, (OLD, OLD))
    return folder


def clean() -> None:
    clean_cache(CleanRequest(unused_for=0, max_size=None, is_dry=False))


@pytest.mark.parametrize("is_recent", [True, False])
def test_a_check_passes_while_its_caches_are_cleaned(project: Project, is_recent: bool) -> None:
    """Wheels that are deleted before the check has marked them are downloaded again."""
    project.write("flow.py", HELLO)
    record = project.pytester.runpytest_subprocess("--flow-repro", "--flow-repro-update")
    record.assert_outcomes(passed=5)
    wheels = entries("wheels/sha256")
    assert wheels
    if not is_recent:
        for name in wheels:
            os.utime(cache_root() / "wheels" / "sha256" / name, (OLD, OLD))
    old = plant_old_wheel()
    argv = [sys.executable, "-m", "pytest", "--flow-repro"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as check:
        while not (uses := list((cache_root() / "sessions").glob(f"{check.pid}-*"))):
            time.sleep(0.01)
        while uses[0].exists():
            clean()
            time.sleep(0.01)
        output, _ = check.communicate()
    assert "5 passed" in output, output
    assert check.returncode == 0
    assert not old.exists()
    # What was cleaned after the check had ended is gone, in no more than one round.
    assert entries("wheels/sha256") <= wheels
    clean()
    assert not entries("wheels/sha256")


def test_a_session_deletes_what_the_configuration_does_not_keep(unrun_project: Project) -> None:
    unrun_project.write("flow.py", HELLO)
    unrun_project.write("pyproject.toml", '[tool.flowrepro]\ncache-max-age = "50d"\n')
    old = plant_old_wheel()
    unrun_project.check("-k", "code").assert_outcomes(failed=1, deselected=4)
    assert old.exists()
    (cache_root() / "last-cleanup").unlink()
    unrun_project.write("pyproject.toml", '[tool.flowrepro]\ncache-max-age = "30d"\n')
    unrun_project.check("--collect-only")
    assert old.exists()
    unrun_project.check("-k", "code").assert_outcomes(failed=1, deselected=4)
    assert not old.exists()
