from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded_repository import commit, git, record
from recordings import artifact, recording, task

from pytest_flowrepro.baseline import ARTIFACTS
from pytest_flowrepro.cli.main import main

if TYPE_CHECKING:
    from pytest_flowrepro.model import Recording
    from pytest_flowrepro.support.strict_json import Json

ROOT = Path(__file__).parents[3]
RECIPE = (ROOT / "docs/how-to/review-a-drift.md").read_text().partition("### In git\n")[2]
"""The section of the documentation."""
ATTRIBUTES, COMMANDS, SHOWN = re.findall(r"(?m)(?:^    .*\n)+", RECIPE)[:3]


def train(score: float = 0.95, weight: float = 8.25) -> Recording:
    weights: list[Json] = [i / 4 for i in range(60)]
    weights[33] = weight
    scores = (0.91, 0.93, 0.92, 0.94, score)
    drawn = replace(artifact("drawn", None), digest="", determinism="nondeterministic")
    model = replace(artifact("model", {"a": 1}), structure="1b")
    return recording(
        task("start", artifact("note", "a"), artifact("weights", weights, type="list")),
        *(task("train", artifact("score", scores[i]), index=(i,)) for i in range(5)),
        task("end", drawn, model),
    )


def shown(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["show", str(file)]) == 0
    return capsys.readouterr().out


def test_each_artifact_has_a_line_without_its_digest(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(repository, train())

    lines = shown(folder / ARTIFACTS, capsys).splitlines()

    assert lines[:4] == [
        'start.note: float = "a"',
        "start.weights: list",
        "    [",
        "      0.0, 0.25, 0.5, 0.75, 1.0,",
    ]
    assert lines[-8:] == [
        "    ]",
        "train[0].score: float = 0.91",
        "train[1].score: float = 0.93",
        "train[2].score: float = 0.92",
        "train[3].score: float = 0.94",
        "train[4].score: float = 0.95",
        "end.drawn: float  [nondeterministic]",
        'end.model: float = {"a": 1}  [structure 1b]',
    ]


@pytest.mark.parametrize(
    "text", ["<<<<<<< HEAD\n", '{"schema": 2}\n', '{"schema": 1, "x": "\\u00ff"}\n']
)
def test_a_file_of_another_form_is_shown_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "aB3xYz_artifacts.json"
    file.write_text(text)

    assert main(["show", str(file)]) == 0
    out, err = capsys.readouterr()
    assert out == text
    assert err.startswith(f"flowrepro: {file}")


def test_what_a_value_contains_does_not_control_the_terminal(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(repository, recording(task("start", artifact("\x1b[2J", "\x1b[2J"))))

    assert shown(folder / ARTIFACTS, capsys) == ('start.\\u001b[2J: float = "\\u001b[2J"\n')


@pytest.fixture
def recipe(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository with what the documentation says, and `flowrepro` on the PATH."""
    program = tmp_path / "bin/flowrepro"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pytest_flowrepro "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(program.parent), os.environ["PATH"])))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (repository / ".gitattributes").write_text(ATTRIBUTES)
    for command in COMMANDS.splitlines():
        git(repository, *shlex.split(command)[1:])
    record(repository, train())
    commit(repository)
    record(repository, train(score=0.97, weight=8.5))
    return repository


def changes(repository: Path, *args: str) -> str:
    """Return the output of `git diff` without the lines about the files."""
    git(repository, "add", "--intent-to-add", ".")
    command = ["git", "diff", *args]
    done = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True)
    return re.sub(r"(?m)^(diff|index|---|\+\+\+|new|deleted) .*\n", "", done.stdout)


@pytest.mark.slow
def test_the_recipe_of_the_documentation_shows_values_in_git(recipe: Path) -> None:
    assert changes(recipe, f":(glob)**/{ARTIFACTS}") == re.sub("(?m)^    ", "", SHOWN)
    assert re.fullmatch("(Binary files .* differ\n)+", changes(recipe, ":(glob)**/seal-*"))
    assert '"digest": "sha256:' in changes(recipe, "--no-textconv", f":(glob)**/{ARTIFACTS}")


def test_the_recipe_of_the_documentation_merges_histories(recipe: Path) -> None:
    history = "flows/__flowrepro__/train/TrainFlow/accepted.jsonl"
    command = ["git", "check-attr", "merge", "linguist-generated", "--", history]
    done = subprocess.run(command, cwd=recipe, check=True, capture_output=True, text=True)
    assert "merge: union" in done.stdout
