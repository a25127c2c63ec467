from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_processes import flow_source
from recordings import log, recording, step

from pytest_flowrepro.package.code_package import package_flow
from pytest_flowrepro.pipeline.step_code import with_code

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import CodePackage, Step

FLOW = """\
from metaflow import FlowSpec, step
from model import fit


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.rows = [1]
        self.next(self.end)

    @step
    def end(self):
        self.score = fit(self.rows)
"""
STEPS = (step("start", "end"), step("end"))
LOGS = [
    replace(log(name), sources=("flows/train.py", "flows/model.py")) for name in ("start", "end")
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "flows" / "train.py"
    file.parent.mkdir()
    file.write_text(FLOW, encoding="utf-8")
    (file.parent / "model.py").write_text("def fit(rows): return sum(rows)", encoding="utf-8")
    return file


def package(file: Path) -> CodePackage:
    root = file.parent.parent
    return package_flow(
        flow_source(file),
        root=root,
        named_files=(),
        include=(),
        suffixes=(".py",),
        destination=root / "code.tar",
    )


def codes(steps: tuple[Step, ...]) -> list[str | None]:
    return [step.code for step in steps]


def test_each_step_gets_the_digest_of_what_it_ran(file: Path) -> None:
    before = codes(with_code(STEPS, package(file), LOGS, flow="TrainFlow"))
    assert None not in before
    (file.parent / "model.py").write_text("def fit(rows): return max(rows)", encoding="utf-8")
    now = codes(with_code(STEPS, package(file), LOGS, flow="TrainFlow"))
    assert (now[0] == before[0], now[1] != before[1]) == (True, True)


def test_a_step_that_did_not_run_has_none(file: Path) -> None:
    start, end = codes(with_code(STEPS, package(file), LOGS[:1], flow="TrainFlow"))
    assert start is not None
    assert end is None


def test_the_digests_of_the_same_code_are_those_of_the_baseline(file: Path) -> None:
    packaged = package(file)
    recorded = replace(
        recording(), code=packaged.files, steps=(replace(STEPS[0], code="recorded"), STEPS[1])
    )
    steps = with_code(STEPS, packaged, LOGS, flow="TrainFlow", baseline=recorded)
    assert codes(steps) == ["recorded", None]
    merged = replace(recorded, merged=True)
    assert None not in codes(with_code(STEPS, packaged, LOGS, flow="TrainFlow", baseline=merged))
