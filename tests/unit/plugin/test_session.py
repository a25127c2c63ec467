from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from checked_flows import options

from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.plugin.session import SessionState
from pytest_flowrepro.plugin.worker_store import SessionFolder
from pytest_flowrepro.settings.reader import read_settings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """\
[tool.flowrepro]
timeout = 60
[tool.flowrepro.flow.TrainFlow]
after = ["RowsFlow"]
[tool.flowrepro.flow.TrainFlow.case.small]
parameters = { alpha = 0.1 }
"""


def source(root: Path, name: str) -> FlowSource:
    return FlowSource(file=root / f"{name}.py", name=name, lineno=1, steps=("start", "end"))


@pytest.fixture
def session(tmp_path: Path) -> SessionState:
    (tmp_path / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    settings = read_settings(tmp_path)
    return SessionState(
        options=replace(
            options(tmp_path), settings=settings, installer="pip-tools", as_of=date(2026, 3, 1)
        ),
        folder=SessionFolder(tmp_path / "session"),
        flows=[source(tmp_path, name) for name in ("TrainFlow", "RowsFlow")],
    )


def test_a_flow_and_case_have_one_check(session: SessionState) -> None:
    train, _ = session.flows
    whole, small = (session.flow_check(train, case) for case in (None, "small"))
    assert session.flow_check(train, None) is whole
    assert session.flow_check(train, "small") is small
    assert whole is not small
    assert whole.job.folder != small.job.folder


def test_a_job_has_the_options_of_the_session(session: SessionState, tmp_path: Path) -> None:
    job = session.flow_check(session.flows[0], "small").job
    assert (job.title, job.root, job.installer) == ("TrainFlow@small", tmp_path, "pip-tools")
    assert job.as_of == date(2026, 3, 1)
    assert job.settings == session.options.settings.for_flow("TrainFlow", "small")
    assert job.environments == session.folder.environments


def test_the_timeout_of_the_command_line_has_precedence(session: SessionState) -> None:
    train, rows = session.flows
    assert session.flow_check(train, None).job.settings.timeout == 60
    session.options = replace(session.options, timeout=5)
    assert session.flow_check(rows, None).job.settings.timeout == 5


def test_a_flow_outside_of_the_project_has_its_folder_as_project(session: SessionState) -> None:
    outside = session.options.root.parent / "elsewhere"
    assert session.flow_check(source(outside, "OtherFlow"), None).job.root == outside


def test_a_flow_runs_after_the_checks_of_its_upstreams(session: SessionState) -> None:
    train, rows = session.flows
    assert list(session.flow_check(train, None).upstreams()) == [session.flow_check(rows, None)]
    assert list(session.flow_check(rows, None).upstreams()) == []
