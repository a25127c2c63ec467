from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from recorded_repository import record
from recordings import recording

from pytest_flowrepro.baseline import HISTORY, find_baselines, read_baseline, remove_baseline
from pytest_flowrepro.support.errors import BaselineError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The baselines of a flow and of its case."""
    record(tmp_path, recording())
    record(tmp_path, replace(recording(), case="small"))
    first, second = find_baselines(tmp_path)
    return first, second


def test_a_baseline_is_removed_with_the_folders_that_are_empty_then(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = folders
    (first / HISTORY).touch()
    remove_baseline(first)
    assert find_baselines(tmp_path) == (second,)
    assert read_baseline(second, root=tmp_path) is not None
    remove_baseline(second)
    assert list((tmp_path / "flows").iterdir()) == []


def test_the_users_own_files_are_kept(folders: tuple[Path, Path]) -> None:
    first, _ = folders
    (first / "README.md").write_text("mine")
    (first / "values").mkdir()
    (first / "values" / "mine.npz").touch()
    remove_baseline(first)
    assert sorted(path.name for path in first.rglob("*")) == ["README.md", "mine.npz", "values"]


def test_of_a_link_only_the_link_is_removed(folders: tuple[Path, Path], tmp_path: Path) -> None:
    first, _ = folders
    elsewhere = first.rename(tmp_path / "elsewhere")
    first.symlink_to(elsewhere)
    remove_baseline(first)
    assert (elsewhere / "manifest.json").exists()
    assert not first.is_symlink()


def test_an_interrupted_removal_leaves_the_manifest(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = folders
    unlink = Path.unlink

    def fail_at_the_manifest(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == "manifest.json":
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", fail_at_the_manifest)
    with pytest.raises(BaselineError, match="TrainFlow cannot be deleted: Permission denied"):
        remove_baseline(first)
    assert [path.name for path in first.iterdir()] == ["manifest.json"]
