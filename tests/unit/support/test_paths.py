from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.paths import FilePatterns, RealPaths

if TYPE_CHECKING:
    from pathlib import Path


def test_a_real_path_is_that_of_the_operating_system(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file.py").touch()
    (tmp_path / "link").symlink_to("a/b")
    (tmp_path / "a" / "again.py").symlink_to("../link/file.py")
    (tmp_path / "a" / "gone.py").symlink_to("nowhere.py")
    real = RealPaths()
    for path in ("a/b/file.py", "link/file.py", "a/again.py", "a/gone.py", "absent.py"):
        for _ in range(2):
            assert real.of(tmp_path / path) == os.path.realpath(tmp_path / path)


@pytest.mark.parametrize(
    "patterns",
    [
        (),
        ("test_*.py",),
        ("test_*.py", "*_test.py"),
        ("tests/*.py",),
        ("check_[ab].py", "a/*/t.py"),
    ],
)
@pytest.mark.parametrize(
    "path", ["test_a.py", "a_test.py", "tests/a.py", "x/check_a.py", "check_c.py", "a/b/t.py"]
)
def test_a_pattern_matches_as_pathlib_does(
    tmp_path: Path, patterns: tuple[str, ...], path: str
) -> None:
    expected = any((tmp_path / path).match(pattern) for pattern in patterns)
    assert FilePatterns.of(patterns).match(tmp_path / path) == expected
