"""Flows that were read before are not read again, unless something that they depend on changed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.discover import known as known_flows
from pytest_flowrepro.discover.flows import find_flows
from pytest_flowrepro.discover.known import KnownFlows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.model import FlowSource

BASE = """\
from metaflow import FlowSpec, step
class Base(FlowSpec):
    @step
    def start(self): ...
"""
OTHER_BASE = BASE.replace("start", "begin")
FLOW = "from base import Base\nclass TrainFlow(Base): pass\nTrainFlow()\n"


@pytest.fixture(autouse=True)
def user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pytest-flowrepro" / "flows"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "flows").mkdir(parents=True)
    (root / "base.py").write_text(BASE, encoding="utf-8")
    (root / "flows" / "train.py").write_text(FLOW, encoding="utf-8")
    return root


def find(project: Path) -> tuple[FlowSource, ...]:
    """Find the flows as a session does, with what earlier sessions have read."""
    known = KnownFlows.of_project(project)
    flows = known.find(project / "flows" / "train.py")
    known.keep()
    return flows


def steps(project: Path) -> tuple[str, ...]:
    (flow,) = find(project)
    assert (flow,) == find_flows(project / "flows" / "train.py", root=project)
    return flow.steps


def test_nothing_is_parsed_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = find(project)
    assert [(flow.name, flow.lineno, flow.steps) for flow in flows] == [
        ("TrainFlow", 2, ("start",))
    ]
    monkeypatch.delattr(known_flows, "flows_in")
    assert find(project) == flows


def edit(project: Path) -> None:
    (project / "base.py").write_text(OTHER_BASE, encoding="utf-8")


def shadow(project: Path) -> None:
    (project / "flows" / "base.py").write_text(OTHER_BASE, encoding="utf-8")


def shadow_by_package(project: Path) -> None:
    (project / "base").mkdir()
    (project / "base" / "__init__.py").write_text(OTHER_BASE, encoding="utf-8")


def move_link(project: Path) -> None:
    """Link the flow to an equal file in a folder with another module."""
    other = project / "other"
    other.mkdir()
    (project / "flows" / "train.py").rename(other / "train.py")
    (project / "flows" / "train.py").symlink_to(other / "train.py")
    (other / "base.py").write_text(OTHER_BASE, encoding="utf-8")


@pytest.mark.parametrize("change", [edit, shadow, shadow_by_package, move_link])
def test_a_change_of_what_a_flow_derives_from_is_seen(
    project: Path, change: Callable[[Path], None]
) -> None:
    assert steps(project) == ("start",)
    change(project)
    assert steps(project) == ("begin",)
    assert steps(project) == ("begin",)


def test_an_edit_of_the_flow_of_equal_size_and_time_is_seen(project: Path) -> None:
    file = project / "flows" / "train.py"
    assert [flow.name for flow in find(project)] == ["TrainFlow"]
    status = file.stat()
    file.write_text(FLOW.replace("Train", "Trial"), encoding="utf-8")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert [flow.name for flow in find(project)] == ["TrialFlow"]


def test_a_module_that_was_searched_in_the_whole_project_is_searched_again(project: Path) -> None:
    (project / "base.py").rename(project / "flows" / "train.py.old")
    (project / "lib").mkdir()
    (project / "lib" / "base.py").write_text(BASE, encoding="utf-8")
    known = KnownFlows.of_project(project)
    assert [flow.name for flow in known.find(project / "flows" / "train.py")] == ["TrainFlow"]
    known.keep()
    assert known.file is not None
    assert not known.file.exists()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"FILE": 1}', '{"FILE": {"text": "0"}}'])
def test_a_damaged_file_is_replaced(project: Path, user_cache: Path, content: str) -> None:
    flows = find(project)
    (file,) = user_cache.iterdir()
    entry = content.replace("FILE", str(project / "flows" / "train.py"))
    file.write_text(entry, encoding="utf-8")
    assert find(project) == flows
    assert list(json.loads(file.read_bytes())) == [str(project / "flows" / "train.py")]


def test_entries_of_deleted_files_are_dropped(project: Path, user_cache: Path) -> None:
    find(project)
    (project / "flows" / "train.py").rename(project / "flows" / "moved.py")
    known = KnownFlows.of_project(project)
    known.find(project / "flows" / "moved.py")
    known.keep()
    (file,) = user_cache.iterdir()
    assert list(json.loads(file.read_bytes())) == [str(project / "flows" / "moved.py")]


def test_without_a_cache_flows_are_read_each_time(project: Path, user_cache: Path) -> None:
    user_cache.parent.parent.mkdir(exist_ok=True)
    user_cache.parent.write_bytes(b"")
    assert [flow.name for flow in find(project)] == ["TrainFlow"]
