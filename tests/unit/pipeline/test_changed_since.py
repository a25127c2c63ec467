"""The flows that a change of the repository affects."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from monorepo import Editor, dependencies, git, jobs_of, make_monorepo, write
from recorded_repository import FLOW

from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.pipeline import ChangedSince, changes_since
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def affected(root: Path, flows: tuple[FlowSource, ...], revision: str = "HEAD") -> set[str]:
    since = ChangedSince(changes=changes_since(revision, root))
    return {job.flow.name for job in jobs_of(root, flows) if since.reason(job) is not None}


@pytest.fixture
def flows(tmp_path: Path) -> tuple[FlowSource, ...]:
    """Four committed flows: two in one folder, one below it, and one with a linked module."""
    files = {name: tmp_path / f"{name}.py" for name in ("a/One", "a/Two", "a/b/Three", "c/Four")}
    for name, file in files.items():
        write(file, FLOW.format(name=name.rpartition("/")[2]))
    write(tmp_path / "a/README.md", "about a\n")
    write(tmp_path / "a/requirements.txt", "-r ../base.txt\n")
    write(tmp_path / "base.txt", "metaflow\n")
    write(tmp_path / "c/requirements.txt", "metaflow\n../libs/tools\n")
    write(tmp_path / "libs/tools/pyproject.toml", '[project]\nname = "tools"\nversion = "1"\n')
    write(tmp_path / "libs/tools/src/tools/core.py", "")
    write(tmp_path / "libs/tools/README.md", "")
    write(tmp_path / "shared/util.py", "")
    (tmp_path / "c/lib").symlink_to("../shared")
    write(tmp_path / "data/rows.csv", "1\n")
    write(
        tmp_path / "pyproject.toml",
        '[tool.ruff]\nline-length = 100\n[tool.flowrepro.flow.Three]\ninclude = ["../../data/*"]\n',
    )
    git("init", "-q", "-b", "main", ".", root=tmp_path)
    git("add", "-A", root=tmp_path)
    git("commit", "-q", "-m", "flows", root=tmp_path)
    return tuple(
        FlowSource(file=file, name=name.rpartition("/")[2], lineno=1, steps=("start", "end"))
        for name, file in files.items()
    )


def appended(file: Path, text: str = "\n") -> None:
    write(file, file.read_text(encoding="utf-8") + text)


def replaced(file: Path, old: str, new: str) -> None:
    write(file, file.read_text(encoding="utf-8").replace(old, new))


A = {"One", "Two"}
B = {"Three"}
C = {"Four"}

EDITS: list[tuple[str, Callable[[Path], object], set[str]]] = [
    ("nothing", lambda root: root.touch(), set()),
    ("a flow", lambda root: appended(root / "a/One.py"), A),
    ("a flow below", lambda root: appended(root / "a/b/Three.py"), A | B),
    ("a new module", lambda root: write(root / "a/new.py", ""), A),
    ("a hidden module", lambda root: write(root / "a/.tools/new.py", ""), set()),
    ("a module that is gone", lambda root: (root / "shared/util.py").unlink(), C),
    ("a module behind a link", lambda root: appended(root / "shared/util.py"), C),
    ("a link that is gone", lambda root: (root / "c/lib").unlink(), C),
    ("a text that no flow has", lambda root: appended(root / "a/README.md"), set()),
    ("included data", lambda root: appended(root / "data/rows.csv"), B),
    ("more included data", lambda root: write(root / "data/more.csv", ""), B),
    ("requirements", lambda root: appended(root / "a/requirements.txt", "numpy\n"), A | B),
    ("their base", lambda root: appended(root / "base.txt", "numpy\n"), A | B),
    ("nearer ones", lambda root: write(root / "a/b/requirements.txt", "metaflow\n"), B),
    ("ones further up", lambda root: write(root / "requirements.txt", "metaflow\n"), set()),
    ("requirements that are gone", lambda root: (root / "a/requirements.txt").unlink(), A | B),
    ("a note that is gone", lambda root: (root / "a/README.md").unlink(), set()),
    ("a package", lambda root: appended(root / "libs/tools/src/tools/core.py"), C),
    (
        "its metadata",
        lambda root: appended(root / "libs/tools/pyproject.toml", 'dependencies = ["numpy"]\n'),
        C,
    ),
    ("its README", lambda root: appended(root / "libs/tools/README.md"), set()),
    ("hooks", lambda root: write(root / "a/conftest.py", ""), A | B),
    ("another tool", lambda root: replaced(root / "pyproject.toml", "100", "99"), set()),
    (
        "a setting of a flow",
        lambda root: appended(root / "pyproject.toml", "[tool.flowrepro.flow.Two]\ntimeout = 9\n"),
        {"Two"},
    ),
    (
        "a setting of all",
        lambda root: appended(root / "pyproject.toml", "[tool.flowrepro]\ntimeout = 9\n"),
        A | B | C,
    ),
    (
        "the project, whose settings of uv hold for requirements.txt",
        lambda root: appended(root / "pyproject.toml", '[project]\nname = "x"\nversion = "1"\n'),
        A | B | C,
    ),
    (
        "the baseline",
        lambda root: write(root / "c/__flowrepro__/Four/Four/artifacts.json", "{}"),
        C,
    ),
    ("a baseline that is not a flow's", lambda root: write(root / "c/__flowrepro__/x", ""), set()),
]


@pytest.mark.parametrize(("edit", "expected"), [x[1:] for x in EDITS], ids=[x[0] for x in EDITS])
def test_an_edit_affects_the_flows_that_depend_on_it(
    edit: Callable[[Path], Any],
    expected: set[str],
    flows: tuple[FlowSource, ...],
    tmp_path: Path,
) -> None:
    edit(tmp_path)
    assert affected(tmp_path, flows) == expected


def test_an_edit_counts_in_the_working_tree_in_the_index_and_in_a_commit(
    flows: tuple[FlowSource, ...], tmp_path: Path
) -> None:
    write(tmp_path / "c/new.py", "")
    (tmp_path / "a/b/Three.py").rename(tmp_path / "a/b/Third.py")
    assert affected(tmp_path, flows) == A | C
    git("add", "-A", root=tmp_path)
    assert affected(tmp_path, flows) == A | C
    git("commit", "-q", "-m", "edit", root=tmp_path)
    assert affected(tmp_path, flows) == set()
    assert affected(tmp_path, flows, "HEAD~1") == A | C


def test_the_path_that_affects_a_flow_is_named(
    flows: tuple[FlowSource, ...], tmp_path: Path
) -> None:
    appended(tmp_path / "shared/util.py")
    since = ChangedSince(changes=changes_since("HEAD", tmp_path))
    (job,) = (job for job in jobs_of(tmp_path, flows) if job.flow.name == "Four")
    assert since.reason(job) == "shared/util.py"


def test_data_of_a_parameter_affects_its_flow(
    flows: tuple[FlowSource, ...], tmp_path: Path
) -> None:
    appended(tmp_path / "data/rows.csv")
    since = ChangedSince(changes=changes_since("HEAD", tmp_path))
    job = jobs_of(tmp_path, flows)[0]
    assert since.reason(job) is None
    settings = replace(job.settings, configs={"rows": "../data/rows.csv"})
    assert since.reason(replace(job, settings=settings)) == "data/rows.csv"


def test_three_dots_are_the_commit_where_a_branch_began(
    flows: tuple[FlowSource, ...], tmp_path: Path
) -> None:
    git("checkout", "-q", "-b", "feature", root=tmp_path)
    git("checkout", "-q", "main", root=tmp_path)
    appended(tmp_path / "a/One.py")
    git("commit", "-q", "-a", "-m", "main moves on", root=tmp_path)
    git("checkout", "-q", "feature", root=tmp_path)
    appended(tmp_path / "c/Four.py")
    assert affected(tmp_path, flows, "main") == A | C
    assert affected(tmp_path, flows, "main...") == C
    assert "the merge base of main and HEAD" in changes_since("main...", tmp_path).name


def test_a_revision_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlowReproError, match="is not in a git repository"):
        changes_since("main", tmp_path)
    write(tmp_path / "a", "")
    git("init", "-q", ".", root=tmp_path)
    for revision in ("main", "...", "--all"):
        with pytest.raises(FlowReproError, match=f"{revision} is not a revision"):
            changes_since(revision, tmp_path)


def test_requirements_in_a_flow_affect_it_alone(
    flows: tuple[FlowSource, ...], tmp_path: Path
) -> None:
    block = '# /// script\n# dependencies = ["metaflow"]\n# ///\n'
    one = tmp_path / "a/One.py"
    write(one, block + one.read_text(encoding="utf-8"))
    git("commit", "-q", "-a", "-m", "a script", root=tmp_path)
    appended(tmp_path / "a/requirements.txt", "numpy\n")
    assert affected(tmp_path, flows) == {"Two", "Three"}


def test_requirements_that_cannot_be_read_affect_their_flows(
    flows: tuple[FlowSource, ...], tmp_path: Path
) -> None:
    write(tmp_path / "c/requirements.txt", "!!\n")
    git("commit", "-q", "-a", "-m", "broken", root=tmp_path)
    write(tmp_path / "a/README.md", "else\n")
    assert affected(tmp_path, flows) == C


@pytest.mark.slow
def test_no_affected_flow_is_left_out(tmp_path: Path) -> None:
    """`benchmarks/changed_since.py` does this for thousands of edits."""
    flows = make_monorepo(tmp_path, 20)
    before = {flow.name: dependencies(tmp_path, flow) for flow in flows}
    assert affected(tmp_path, flows) == set()

    editor = Editor(root=tmp_path, random=random.Random(1))
    for _ in range(15):
        what = editor.edit()
        there = {flow.name: flow for flow in flows if flow.file.is_file()}
        differing = {n for n in there if dependencies(tmp_path, there[n]) != before[n]}
        assert differing <= affected(tmp_path, flows), what
        editor.undo()
