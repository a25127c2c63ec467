from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from locks import locked
from recordings import artifact, recording, task

from pytest_flowrepro.baseline import (
    ARTIFACTS,
    MANIFEST,
    baseline_folder,
    encode_recording,
    read_baseline,
    write_baseline,
)
from pytest_flowrepro.baseline.seal import check_seals, seal
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Recording

FILES = {name: encode_recording(recording())[name] for name in (ARTIFACTS, MANIFEST)}
VALUES = {"values/0123456789abcdef.npz": "77" * 32}
NAME, TEXT = seal(FILES, VALUES)


def check(
    files: Mapping[str, str] = FILES,
    values: Mapping[str, str] = VALUES,
    seals: Mapping[str, str] = MappingProxyType({NAME: TEXT}),
) -> bool:
    return check_seals(files, values, seals, folder="f")


def edited(line: int, name: str, change: Callable[[list[str]], object]) -> dict[str, str]:
    """The files, with a change of the lines from the given one on."""
    lines = FILES[name].split("\n")
    end = lines[line:]
    change(end)
    return {**FILES, name: "\n".join(lines[:line] + end)}


def every_line() -> Iterator[tuple[str, int]]:
    for name, text in FILES.items():
        for line in range(text.count("\n")):
            yield name, line


def test_what_was_recorded_is_whole() -> None:
    assert check() is False


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines.__setitem__(0, f"{lines[0]} "),
        lambda lines: lines.__setitem__(0, "x" + lines[0][1:]),
        lambda lines: lines.insert(0, ""),
        lambda lines: lines.insert(0, lines[0] + " "),
    ],
    ids=["a blank at its end", "another letter", "an empty line before it", "a line before it"],
)
def test_an_edit_of_any_line_is_an_error_that_names_it(change: Callable[[list[str]], None]) -> None:
    for name, line in every_line():
        files = edited(line, name, change)
        with pytest.raises(BaselineError) as caught:
            check(files)
        assert caught.value.what == f"f/{name}: line {line + 1} is not as it was recorded"


def test_a_line_that_is_gone_or_there_twice_or_moved_is_an_error_that_names_the_file() -> None:
    for name, line in every_line():
        changes: tuple[Callable[[list[str]], object], ...] = (
            lambda lines: lines.pop(0),
            lambda lines: lines.insert(0, lines[0]),
            lambda lines: lines.reverse(),
        )
        for change in changes:
            files = edited(line, name, change)
            if files != FILES:
                with pytest.raises(BaselineError, match=rf"^f/{name}: line \d+ is not as it was"):
                    check(files)


def test_a_file_that_is_gone_came_or_changed_place_is_an_error() -> None:
    for name in FILES:
        with pytest.raises(BaselineError, match=f"^f/{name}: is missing"):
            check({other: FILES[other] for other in FILES if other != name})
    with pytest.raises(BaselineError, match=r"^f/other.txt: line 1 is not as it was"):
        check({**FILES, "other.txt": "numpy==1\n"})
    swapped = {**FILES, "artifacts.json": FILES["manifest.json"]}
    with pytest.raises(BaselineError, match=r"^f/artifacts.json: line 3 is not as it was"):
        check(swapped)


def test_a_stored_value_with_other_bytes_or_none_is_an_error() -> None:
    (name,) = VALUES
    with pytest.raises(BaselineError, match=f"^f/{name}: is not as it was recorded"):
        check(values={name: "78" * 32})
    with pytest.raises(BaselineError, match=f"^f/{name}: is missing"):
        check(values={})
    with pytest.raises(BaselineError, match=r"^f/values/ff.npz: is not as it was recorded"):
        check(values={**VALUES, "values/ff.npz": "77" * 32})


def test_an_edit_of_the_seal_itself_is_an_error_that_names_it() -> None:
    lines = TEXT.split("\n")
    for line, text in enumerate(lines):
        for other in ([], [text, text], [text[:-1] + "x"]):
            damaged = "\n".join([*lines[:line], *other, *lines[line + 1 :]])
            with pytest.raises(BaselineError, match=f"^f/{NAME}: is not as it was recorded"):
                check(seals={NAME: damaged})


def test_a_seal_that_is_gone_or_renamed_is_an_error() -> None:
    with pytest.raises(BaselineError, match=r"^f: has no seal") as caught:
        check(seals={})
    assert "--flow-repro-update" in caught.value.hint
    with pytest.raises(BaselineError, match=f"is not named {NAME}, as it was recorded"):
        check(seals={"seal-0123456789abcdef.txt": TEXT})


def test_a_seal_of_another_recording_next_to_the_right_one_is_ignored() -> None:
    other = seal(encode_recording(recording(lock=locked("metaflow==2").text)), VALUES)
    assert check(seals=dict([other, (NAME, TEXT)])) is False


def test_the_seals_of_two_recordings_have_no_check_in_common() -> None:
    _, other = seal(encode_recording(replace(recording(), runs=1)), VALUES)
    common = set(TEXT.split()) & set(other.split())
    assert not {word for word in common if len(word) == 8 and word.isalnum()} - {"recorded"}


# --- what git makes of the baselines of two branches ------------------------------------


def git(folder: Path, *args: str) -> str:
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    command = ["git", *name, "-C", str(folder), *args]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def train(**values: float) -> Recording:
    """A recording with an artifact for each of the eight steps between the start and the end."""
    names = [f"step{number}" for number in range(8)]
    tasks = [task(name, artifact("score", values.get(name, 0.5))) for name in names]
    steps = tuple(replace(recording().steps[0], name=name) for name in names)
    return replace(recording(), steps=steps, tasks=tuple(tasks))


@pytest.fixture
def branches(root: Path) -> Path:
    """A repository whose branches `ours` and `theirs` each recorded another change of one flow."""
    folder = baseline_folder(root / "train.py", "TrainFlow", None)
    root.mkdir()
    git(root, "init", "--initial-branch", "main")

    def commit(recorded: Recording, message: str) -> None:
        write_baseline(folder, recorded, root=root)
        git(root, "add", ".")
        git(root, "commit", "-m", message)

    commit(train(), "first")
    git(root, "checkout", "-b", "theirs")
    commit(train(step0=0.6), "theirs")
    git(root, "checkout", "-b", "ours", "main")
    commit(train(step7=0.7), "ours")
    return folder


@pytest.mark.parametrize("way", [("merge", "--no-edit"), ("rebase",)], ids=lambda way: way[0])
def test_a_clean_merge_of_two_recordings_is_read_and_known_as_such(
    branches: Path, root: Path, way: tuple[str, ...]
) -> None:
    ours = read_baseline(branches, root=root)
    assert ours is not None
    assert not ours.merged

    git(root, *way, "theirs")

    merged = read_baseline(branches, root=root)
    assert merged == train(step0=0.6, step7=0.7)
    assert merged.merged


def test_an_edit_of_a_merge_is_an_error_all_the_same(branches: Path, root: Path) -> None:
    git(root, "merge", "--no-edit", "theirs")
    artifacts = branches / "artifacts.json"
    artifacts.write_text(artifacts.read_text().replace("0.7", "0.8"))

    with pytest.raises(BaselineError, match=r"artifacts.json: line \d+ is not as it was recorded"):
        read_baseline(branches, root=root)


def test_a_digest_that_moved_to_another_artifact_of_a_merge_is_an_error(
    branches: Path, root: Path
) -> None:
    git(root, "merge", "--no-edit", "theirs")
    artifacts = branches / "artifacts.json"
    swapped = {"0.6": "0.7", "0.7": "0.6"}
    artifacts.write_text(re.sub(r"0\.[67]", lambda m: swapped[m.group()], artifacts.read_text()))

    with pytest.raises(BaselineError, match=r"artifacts.json: line 8 is not as it was recorded"):
        read_baseline(branches, root=root)


def test_changes_of_two_artifacts_of_a_task_merge(root: Path) -> None:
    def two(first: float, last: float) -> Recording:
        names = ("a", first), ("b", 0.5), ("c", last)
        return recording(task("train", *(artifact(*pair) for pair in names)))

    old, ours, theirs = (
        encode_recording(two(*pair))[ARTIFACTS] for pair in ((0.5, 0.5), (0.6, 0.5), (0.5, 0.7))
    )
    for name, text in {"old": old, "ours": ours, "theirs": theirs}.items():
        (root.parent / name).write_text(text)

    merged = git(root.parent, "merge-file", "--stdout", "ours", "old", "theirs")
    assert merged == encode_recording(two(0.6, 0.7))[ARTIFACTS]


def test_a_merge_that_is_recorded_again_is_whole(branches: Path, root: Path) -> None:
    git(root, "merge", "--no-edit", "theirs")
    write_baseline(branches, train(step0=0.6, step7=0.7), root=root)

    found = read_baseline(branches, root=root)
    assert found is not None
    assert not found.merged
    assert len(list(branches.glob("seal-*.txt"))) == 1


def test_a_baseline_in_the_folder_of_another_flow_is_an_error(branches: Path, root: Path) -> None:
    other = branches.with_name("OtherFlow")
    shutil.copytree(branches, other)

    with pytest.raises(BaselineError, match="is the baseline of TrainFlow, not the baseline of O"):
        read_baseline(other, root=root)
