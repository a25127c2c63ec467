from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from recordings import log

from pytest_flowrepro.pipeline import project_tree
from pytest_flowrepro.pipeline.project_tree import ProjectTree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("flows/train.py", "data/a.csv", "data/b.csv", ".cache/c", "env/lib.py"):
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="utf-8")
    (tmp_path / "project/env/pyvenv.cfg").touch()
    return tmp_path / "project"


def test_what_a_task_wrote_in_the_project_is_reported_with_its_steps(root: Path) -> None:
    tree = ProjectTree.look(root)
    for name in ("data/a.csv", ".cache/c", "out.csv"):
        (root / name).write_text("xy", encoding="utf-8")
    (root / "data/b.csv").unlink()
    elsewhere, session = root.parent / "copy/x.csv", root / "tmp/flowrepro-abc/flows/x"
    logs = [
        log("start", written=(f"{root}/data/a.csv", f"{root}/.cache/c", str(elsewhere))),
        log("end", written=(f"{root}/data/a.csv", f"{root}/data/b.csv", str(session))),
    ]
    told = tree.changes(logs)
    assert [sentence.partition(" in the project")[0] for sentence in told] == [
        "step start wrote .cache/c",
        "steps start, end wrote data/a.csv",
        "step end removed data/b.csv",
        "out.csv appeared",
    ]
    assert "use a path relative to the working directory" in told[0]
    assert told[3].endswith("while the flow ran; whether the flow did it is not known")


def test_a_change_without_a_known_writer_is_reported_as_such(root: Path) -> None:
    tree = ProjectTree.look(root)
    (root / "data/b.csv").unlink()
    os.utime(root / "data/a.csv", ns=(1, 1))
    for name in (".cache/new", "env/new.py", "__pycache__/x.pyc", "__flowrepro__/f/manifest.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    assert [sentence.partition(" in the project")[0] for sentence in tree.changes([])] == [
        "data/a.csv changed",
        "data/b.csv was removed",
    ]
    assert ProjectTree.look(root).changes([]) == ()


def test_a_project_of_very_many_files_is_known_by_what_tasks_wrote(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_tree, "FILES", 2)
    tree = ProjectTree.look(root)
    (root / "data/a.csv").write_text("xy", encoding="utf-8")
    assert tree.changes([]) == ()
    assert len(tree.changes([log("start", written=(f"{root}/data/a.csv",))])) == 1


def test_not_everything_is_reported_of_a_flow_that_writes_very_much(root: Path) -> None:
    tree = ProjectTree.look(root)
    for number in range(30):
        (root / f"{number:02}").touch()
    told = tree.changes([])
    assert len(told) == 21
    assert told[-1] == "and 10 more files in the project itself"
