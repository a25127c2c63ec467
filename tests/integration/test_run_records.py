"""What a real run of Metaflow leaves proves its success, and nothing of it can be missing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_processes import flow_source, process_in

from pytest_flowrepro.rerun.rerun import Place, RunOptions, rerun_flow
from pytest_flowrepro.rerun.run_records import check_records
from pytest_flowrepro.support.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Project

    from pytest_flowrepro.model import BuiltEnvironment, Run

FLOW = """
import os
from metaflow import FlowSpec, Parameter, catch, current, parallel, retry, step

class FieldsFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5)

    @step
    def start(self):
        os.environ.clear()
        self.rows = ["p", "q"]
        self.next(self.row, foreach="rows")

    @retry(times=1, minutes_between_retries=0)
    @step
    def row(self):
        self.letter = self.input
        if current.retry_count == 0 and self.input == "q":
            os._exit(3)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.letters = [one.letter for one in inputs]
        self.next(self.split)

    @step
    def split(self):
        self.next(self.node, num_parallel=2)

    @parallel
    @step
    def node(self):
        self.next(self.joined)

    @step
    def joined(self, inputs):
        self.next(self.caught)

    @catch(var="oops")
    @step
    def caught(self):
        raise KeyError("caught")
        self.next(self.end)

    @step
    def end(self):
        self.late = 1

FieldsFlow()
"""


@pytest.fixture(scope="module")
def ended(
    metaflow_environment: BuiltEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, Path]:
    """A run that ended well, and the root of its folders."""
    place = Place(root=tmp_path_factory.mktemp("fields") / "run").create()
    flow_file = place.copy / "fields.py"
    flow_file.write_text(FLOW, encoding="utf-8")
    process = process_in(metaflow_environment, place, flow_source(flow_file, "FieldsFlow"))
    run = rerun_flow(process, place, RunOptions(max_workers=2))
    assert run.ok, run.output
    return run, place.root


@pytest.fixture
def run(ended: tuple[Run, Path], tmp_path: Path) -> Run:
    """The same in a copy that may be damaged."""
    run, root = ended
    for name in ("datastore", "observed"):
        shutil.copytree(root / name, tmp_path / name, symlinks=True)
    return replace(run, datastore=tmp_path / "datastore", observed=tmp_path / "observed")


def stored(run: Run, pattern: str) -> list[Path]:
    """The files and folders of the run's datastore."""
    return sorted((run.datastore / ".metaflow" / run.flow / str(run.run_id)).glob(pattern))


def test_every_task_of_a_run_that_ended_well_is_on_record(run: Run) -> None:
    check_records(run, ends=("end",))
    lines = (run.observed / "started.jsonl").read_text(encoding="utf-8").splitlines()
    started = {(line["step"], line["task_id"]) for line in map(json.loads, lines)}
    assert sorted(step for step, _ in started) == [
        *("caught", "end", "join", "joined", "node", "node", "row", "row", "split", "start"),
    ]


def remove(pattern: str) -> Callable[[Run], None]:
    def damage(run: Run) -> None:
        for path in stored(run, pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def truncate(pattern: str) -> Callable[[Run], None]:
    def damage(run: Run) -> None:
        for path in stored(run, pattern):
            path.write_bytes(path.read_bytes()[:-3])

    return damage


def observed(step: str, change: Callable[[bytes], bytes] | None) -> Callable[[Run], None]:
    def damage(run: Run) -> None:
        file = max(run.observed.glob(f"{step}-*.json"))
        if change is None:
            file.unlink()
        else:
            file.write_bytes(change(file.read_bytes()))

    return damage


def list_(text: str | None) -> Callable[[Run], None]:
    def damage(run: Run) -> None:
        file = run.observed / "started.jsonl"
        file.unlink() if text is None else file.write_text(text, encoding="utf-8")

    return damage


def without_end(run: Run) -> None:
    remove("end")(run)
    file = run.observed / "started.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if '"end"' not in line), encoding="utf-8")


def lost_value(run: Run) -> None:
    found = json.loads(stored(run, "join/*/*.data.json")[0].read_bytes())["objects"]["letters"]
    (run.datastore / ".metaflow" / run.flow / "data" / found[:2] / found).unlink()


DAMAGES = {
    "a finished task": (remove("row/*"), r"row/\d+ does not have a task"),
    "a step": (remove("join"), r"join/\d+ does not have a task"),
    "a node": (remove("node/*_*"), r"node/\S+ does not have a task"),
    "the end task": (remove("end"), r"end/\d+ does not have a task"),
    "the end task and that it was started": (without_end, "no task of the step end was started"),
    "a DONE marker": (remove("start/*/*.DONE.lock"), r"0\.DONE\.lock does not exist"),
    "the last DONE marker": (remove("row/*/1.DONE.lock"), r"1\.DONE\.lock does not exist"),
    "the end's DONE marker": (remove("end/*/*.DONE.lock"), r"0\.DONE\.lock does not exist"),
    "the parameters": (remove("_parameters"), "_parameters has no task"),
    "the parameters' task": (remove("_parameters/*/*"), "does not have a task"),
    "the parameters' marker": (remove("_parameters/*/*.DONE.lock"), "_parameters/.*DONE.lock does"),
    "the list of artifacts": (remove("join/*/*.data.json"), r"0\.data\.json does not exist"),
    "half of that list": (truncate("join/*/*.data.json"), r"0\.data\.json cannot be read"),
    "the begin of an attempt": (remove("end/*/*.attempt.json"), r"0\.attempt\.json does not exist"),
    "a value": (lost_value, r"data/../\w+ does not exist"),
    "an observation": (observed("row", None), r"row-\d+-\d\.json does not exist"),
    "half of an observation": (observed("end", lambda b: b[:40]), r"end-.*json cannot be read"),
    "all of an observation": (observed("join", lambda _: b""), r"join-.*json cannot be read"),
    "its fields": (observed("join", lambda _: b"{}"), r"join-.*json is not about that attempt"),
    "its form": (observed("join", lambda _: b"[]"), r"join-.*json is not a JSON object"),
    "its type": (
        observed("join", lambda b: b.replace(b'"set": [', b'"set": {}, "other": [')),
        r"join-.*json is not a complete observation",
    ),
    "its subject": (
        observed("join", lambda b: b.replace(b'"attempt": 0', b'"attempt": 1')),
        r"join-.*json is not about that attempt",
    ),
    "a success": (
        observed("join", lambda b: b.replace(b'"ok": true', b'"ok": false')),
        r"task \d+ of step join failed",
    ),
    "the list of tasks": (list_(None), r"started\.jsonl cannot be read: .*No such file"),
    "what is in it": (list_("nonsense\n"), r"started\.jsonl cannot be read"),
    "all that is in it": (list_(""), "no task of the step end was started"),
}


@pytest.mark.parametrize("lost", DAMAGES)
def test_a_run_that_lost_something_is_an_error_that_names_it(run: Run, lost: str) -> None:
    damage, words = DAMAGES[lost]
    damage(run)
    with pytest.raises(CaptureError, match=words) as caught:
        check_records(run, ends=("end",))
    assert "FieldsFlow ended with exit code 0, but" in caught.value.what
    assert caught.value.hint


def test_a_flow_that_hides_a_failure_is_an_error_and_not_recorded(hello: Project) -> None:
    hello.edit("flow.py", "self.total = ", "raise ValueError('hidden')\n        self.total = ")
    hello.edit(
        "flow.py",
        "    HelloFlow()",
        "    try:\n        HelloFlow()\n    except SystemExit:\n        pass",
    )
    before = hello.baseline_bytes()
    result = hello.record()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["HelloFlow ended with exit code 0, but*", "*ValueError: hidden*"])
    assert hello.baseline_bytes() == before
