from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_flowrepro.discover.known import KnownFlows
from pytest_flowrepro.plugin.scope import Scope, flow_files

ROOT = Path("/p")
SOURCE = "from metaflow import FlowSpec\nclass A(FlowSpec): pass\nA()\n"


def scope(*, is_named: bool) -> Scope:
    tests, flows = [ROOT / "tests", ROOT / "build" / "tests"], [ROOT / "jobs" / "a" / "flow.py"]
    made = Scope.from_paths(tests, flows, is_named=is_named)
    assert Scope.from_json(json.loads(json.dumps(made.to_json()))) == made
    return made


# Path, whether pytest's rules ignore it, whether the flow is named -> whether it is left out.
PATHS = [
    ("tests/test_a.py", False, False, False),
    ("tests/.hidden", True, False, True),
    ("jobs", False, False, False),
    ("jobs/a/flow.py", False, False, False),
    ("jobs/a/test_flow.py", False, False, True),
    ("jobs/b", False, False, True),
    ("test_top.py", False, False, True),
    ("build", True, False, False),
    ("build/tests", True, False, False),
    ("build/other", False, False, True),
    ("jobs", True, False, True),
    ("jobs/a/flow.py", True, False, True),
    ("jobs", True, True, False),
    ("jobs/a", True, True, False),
    ("jobs/a/flow.py", True, True, False),
    ("jobs/a/other.py", True, True, True),
]


@pytest.mark.parametrize(("path", "ignored", "is_named", "left_out"), PATHS)
def test_flows_are_collected_everywhere_and_tests_where_they_were(
    path: str, *, ignored: bool, is_named: bool, left_out: bool
) -> None:
    assert scope(is_named=is_named).ignores(ROOT / path, ignored=ignored) == left_out


def test_what_is_ignored_for_good_is_not_collected_though_it_is_named() -> None:
    flow, named = ROOT / "jobs" / "a" / "flow.py", scope(is_named=True)
    assert named.ignores(flow, ignored=True, is_final=True)
    assert not named.ignores(ROOT / "build", ignored=True, is_final=True)


def test_a_flow_file_is_found_once_by_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "common" / "tools").mkdir(parents=True)
    (tmp_path / "flows" / "a.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "flows" / "broken.py").write_text("from metaflow import (", encoding="utf-8")
    (tmp_path / "flows" / "other.py").write_text("print('metaflow')", encoding="utf-8")
    (tmp_path / "flows" / "unwanted.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "flows" / "tools").symlink_to(tmp_path / "common" / "tools")
    (tmp_path / "common" / "tools" / "back").symlink_to(tmp_path / "flows")
    found = flow_files(KnownFlows(tmp_path), is_wanted=lambda file: file.stem != "unwanted")
    assert list(found) == [tmp_path / "flows" / "a.py", tmp_path / "flows" / "broken.py"]


def test_flows_behind_a_link_out_of_the_project_are_found_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (tmp_path / "project").mkdir()
    outside.mkdir()
    (outside / "a.py").write_text(SOURCE, encoding="utf-8")
    (outside / "again").symlink_to(outside)
    (tmp_path / "project" / "flows").symlink_to(outside)
    (tmp_path / "project" / "same").symlink_to(outside)
    found = flow_files(KnownFlows(tmp_path / "project"), is_wanted=lambda _: True)
    assert list(found) == [tmp_path / "project" / "flows" / "a.py"]
