"""Full values next to a baseline: `values/*.npz`."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recordings import LOCK_FILE, artifact, names_in, recording, reseal, task, unsealed

from pytest_flowrepro.baseline import baseline_folder, read_baseline, write_baseline
from pytest_flowrepro.baseline import values as stage
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.model import Artifact, Recording

FILE = "values/" + "a" * 16 + ".npz"


@pytest.fixture
def folder(root: Path) -> Path:
    return baseline_folder(root / "train.py", "TrainFlow", None)


def stored(folder: Path, digit: str, text: str = "1") -> Artifact:
    """An artifact whose value lies in a file, as a rerun leaves it."""
    file = folder / f"{digit}-{text}.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("value.json"), text)
    return replace(
        artifact("large"),
        digest=f"sha256:{digit * 64}",
        structure="shared:1b",
        sha="0af3",
        stored=file,
    )


def recorded(*artifacts: Artifact) -> Recording:
    return recording(*(task("start", one, index=(i,)) for i, one in enumerate(artifacts)))


@pytest.fixture
def baseline(folder: Path, root: Path, tmp_path: Path) -> Path:
    changed = write_baseline(folder, recorded(stored(tmp_path, "a")), root=root)
    assert unsealed(changed) == ("artifacts.json", LOCK_FILE, "manifest.json", FILE)
    return folder


def test_a_value_comes_back_as_the_file_that_holds_it(baseline: Path, root: Path) -> None:
    found = read_baseline(baseline, root=root)
    assert found is not None
    (one,) = found.tasks[0].artifacts
    assert (one.stored, one.sha) == (baseline / FILE, "0af3")
    assert one.structure == "shared:1b"
    assert zipfile.ZipFile(baseline / FILE).read("value.json") == b"1"
    lines = f"""
          "digest": "sha256:{"a" * 64}",
          "value": 0.91,
          "structure": "shared:1b",
          "sha": "0af3",
          "stored": true
"""
    assert lines in (baseline / "artifacts.json").read_text()


def test_recording_the_same_again_writes_nothing(
    baseline: Path, root: Path, tmp_path: Path
) -> None:
    before = baseline.stat().st_ino
    assert write_baseline(baseline, recorded(stored(tmp_path, "a")), root=root) == ()
    assert baseline.stat().st_ino == before


def test_values_come_and_go_with_their_artifacts_and_the_users_files_stay(
    baseline: Path, root: Path, tmp_path: Path
) -> None:
    (baseline / "values/README.md").write_text("why they are kept")
    (baseline / "values/plots").mkdir()
    (baseline / "values/plots/one.svg").touch()
    new = recorded(stored(tmp_path, "b"))
    other = "values/" + "b" * 16 + ".npz"
    assert unsealed(write_baseline(baseline, new, root=root)) == ("artifacts.json", FILE, other)
    assert names_in(baseline / "values") == ["README.md", "b" * 16 + ".npz", "plots"]

    changed = write_baseline(baseline, recorded(artifact()), root=root)
    assert unsealed(changed) == ("artifacts.json", other)
    assert names_in(baseline / "values") == ["README.md", "plots"]
    assert (baseline / "values/plots/one.svg").exists()


def test_a_damaged_value_is_replaced(baseline: Path, root: Path, tmp_path: Path) -> None:
    (baseline / FILE).write_bytes(b"")
    assert write_baseline(baseline, recorded(stored(tmp_path, "a")), root=root) == (FILE,)
    assert zipfile.ZipFile(baseline / FILE).testzip() is None


def test_a_value_that_is_gone_before_it_is_recorded_leaves_the_old_baseline(
    baseline: Path, root: Path, tmp_path: Path
) -> None:
    new = stored(tmp_path, "b")
    (tmp_path / "b-1.npz").unlink()
    with pytest.raises(BaselineError, match="cannot be written"):
        write_baseline(baseline, recorded(new), root=root)
    assert read_baseline(baseline, root=root) is not None


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def link_out(file: Path) -> None:
    file.unlink()
    (file.parents[5] / "outside.npz").write_bytes(b"PK")
    file.symlink_to(file.parents[5] / "outside.npz")


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "is missing, while other files"),
        (lambda file: file.write_bytes(LFS), "is a Git LFS pointer, not the file"),
        (lambda file: file.write_bytes(b"\x80\x04K\x01."), "is not the file that was recorded"),
        (lambda file: file.write_bytes(b""), "is not the file that was recorded"),
        (lambda file: os.truncate(file, 1_001), "has 1,001 bytes; the limit is 1,000"),
        (link_out, "is a symlink that points outside of the project"),
        (pipe, "is a special file, and should be a file"),
    ],
)
def test_a_value_that_is_not_as_it_was_written_is_named(
    baseline: Path,
    root: Path,
    damage: Callable[[Path], object],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage, "_LIMIT", 1_000)
    damage(baseline / FILE)
    with pytest.raises(BaselineError) as caught:
        read_baseline(baseline, root=root)
    assert f"TrainFlow/{FILE}: {message}" in caught.value.what
    assert "git" in caught.value.hint


def test_a_picture_is_a_file_next_to_the_values(root: Path, tmp_path: Path) -> None:
    picture = tmp_path / "small.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n...")
    drawn = replace(stored(tmp_path, "a"), picture=picture)
    folder = root / "flows/__flowrepro__/train/TrainFlow"
    write_baseline(folder, recorded(drawn), root=root)
    assert names_in(folder / "values") == ["a" * 16 + ".npz", "a" * 16 + ".png"]

    read = read_baseline(folder, root=root)
    assert read is not None
    ((artifact_read,),) = (task.artifacts for task in read.tasks)
    assert artifact_read.picture == folder / "values" / ("a" * 16 + ".png")
    assert artifact_read.picture.read_bytes() == picture.read_bytes()

    artifact_read.picture.write_bytes(b"GIF89a")
    with pytest.raises(BaselineError, match=r"it should be a PNG file \(.png\)"):
        read_baseline(folder, root=root)


def test_a_value_without_a_digest_names_no_file(baseline: Path, root: Path) -> None:
    file = baseline / "artifacts.json"
    file.write_text(file.read_text().replace("sha256:" + "a" * 64, "../../x"))
    reseal(baseline)
    with pytest.raises(BaselineError, match="digest should be sha256: and 64 hexadecimal"):
        read_baseline(baseline, root=root)
